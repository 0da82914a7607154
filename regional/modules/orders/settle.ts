/** The outcome of an order's payment, written once, whoever learns it. */
import { sql } from 'drizzle-orm'
import type { Order } from '../../../shared/contracts/orders.ts'
import { Problem } from '../../../shared/problems.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import { answering, eventsJson, insertingEvents } from '../../platform/finish.ts'
import { statement, value } from '../../platform/statement.ts'
import { endPlacing, reopenCart } from '../carts/index.ts'
import { returnStock } from '../inventory/index.ts'
import { type PaymentOutcome, settlePayment } from '../payments/index.ts'
import type { Agreement } from './agree.ts'
import { orderSettled } from './events.ts'
import { orderById } from './queries.ts'
import { nextState } from './states.ts'

interface Values extends Record<string, unknown> {
  paymentId: string
  outcome: PaymentOutcome
  settledAt: string
  orderId: string
  orderState: string
  cartId: string
  events: string
  answer: string
}

const isWon = sql`exists (select 1 from settled)`
const isPaidNow = sql`${isWon} and ${value('orderState')} = 'confirmed'`

const settleAll = statement<Values, { isWon: boolean }>(
  'order_settle',
  sql`
  with settled as (${settlePayment}),
  moved as (
    update "order" set state = ${value('orderState')}
    where id = ${value('orderId')} and state = 'payment_pending' and ${isWon}
  ),
  ended as (${endPlacing(isPaidNow)}),
  events as (${insertingEvents(isWon)}),
  answered as (${answering(isWon)})
  select ${isWon} as "isWon"`,
)

/** A database, or what a request is given of it. */
interface Transactions extends Runner {
  inTransaction(work: (tx: Tx) => Promise<void>): Promise<unknown>
}

/**
 * Writes an outcome: the order's state, the cart's status, the stock if it goes back, and the answer to the request
 * that placed the order. The request and the job that finishes what a crash left both come here, and only the first
 * of them writes; the other is given what was written.
 *
 * @returns the order as it ended, `confirmed` or `payment_failed`.
 */
export async function settle(
  db: Transactions,
  { order, payment }: Agreement,
  outcome: PaymentOutcome,
  now: Date,
): Promise<Order> {
  const state = nextState('payment_pending', outcome)
  if (state === null) throw new Error(`an order cannot end with a payment that is ${outcome}`)
  const settled: Order = { ...order, state }
  const isPaid = state === 'confirmed'
  const failure = isPaid ? null : paymentFailure(settled)
  const values: Values = {
    paymentId: payment.id,
    outcome,
    settledAt: now.toISOString(),
    orderId: order.id,
    orderState: state,
    cartId: order.cartId,
    events: eventsJson(orderSettled(settled)),
    answer: JSON.stringify({
      ...payment.idempotency,
      status: failure?.status ?? PLACED,
      response: failure?.toDetails() ?? settled,
    }),
  }
  // Paid is one statement, and so needs no transaction around it.
  const won = isPaid ? await isFirst(db, values) : await failed(db, order, values)
  return won ? settled : await endedOrder(db, order.id)
}

/** The status that the contract of `placeOrder` gives its success. */
const PLACED = 201

async function failed(db: Transactions, order: Order, values: Values): Promise<boolean> {
  let won = false
  await db.inTransaction(async (tx) => {
    won = await isFirst(tx, values)
    if (!won) return
    await reopenCart(tx, order.cartId)
    await returnStock(tx, { reference: order.id, lines: order.lines })
  })
  return won
}

async function isFirst(runner: Runner, values: Values): Promise<boolean> {
  const [row] = await runner.run(settleAll, values)
  return row!.isWon
}

async function endedOrder(runner: Runner, id: string): Promise<Order> {
  const order = await orderById(runner, id)
  if (order === null || order.state === 'payment_pending') {
    throw new Error('a settled payment has no settled order')
  }
  return order
}

/** What the buyer of an order that was not paid is told, at once or when the request is repeated. */
export function paymentFailure(order: Order): Problem {
  return new Problem('payment.declined', {
    detail: 'Nothing was charged. The cart is open again.',
    extensions: { orderId: order.id },
  })
}
