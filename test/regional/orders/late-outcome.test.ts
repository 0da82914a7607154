import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ordersWith } from '../../../regional/modules/orders/index.ts'
import { type Charge, TestProvider } from '../../../regional/modules/payments/index.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import {
  ledgerFaults,
  openCart,
  openShop,
  order,
  orderOf,
  problemOf,
  reconcile,
  unitsOf,
} from '../../support/shop.ts'

/** Where a slow vendor stands: it has been asked, and charges or answers when it is let go. */
interface Gate {
  reached: PromiseWithResolvers<void>
  released: PromiseWithResolvers<void>
}
const gate = (): Gate => ({
  reached: Promise.withResolvers(),
  released: Promise.withResolvers(),
})
let beforeCharge: Gate | null
let afterCharge: Gate | null

async function pass(at: Gate | null): Promise<void> {
  at?.reached.resolve()
  await at?.released.promise
}

class SlowProvider extends TestProvider {
  override async charge(charge: Charge, signal: AbortSignal) {
    await pass(beforeCharge)
    const outcome = await super.charge(charge, signal)
    await pass(afterCharge)
    return outcome
  }
}

let cell: TestCell
let nowMs = Date.parse('2026-03-01T12:00:00Z')
const clock = { now: () => new Date(nowMs) }

beforeAll(async () => {
  const modules = [ordersWith((services) => new SlowProvider(services))]
  cell = await startTestCell({ clock, modules, config: { PAYMENT_TIMEOUT_MS: '60000' } })
  await openShop(cell, [{ sku: 'CUP', available: 10 }])
})
afterAll(async () => {
  expect(await ledgerFaults(cell)).toEqual([])
  await cell.close()
})
beforeEach(() => {
  beforeCharge = null
  afterCharge = null
})

test('a request that is answered after the job confirmed its order gets the confirmed order', async () => {
  const at = gate()
  afterCharge = at
  const cart = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const answering = order(cell, cart)
  await at.reached.promise
  nowMs += 60_000
  await reconcile(cell)
  at.released.resolve()
  const response = await answering
  expect(response.status).toBe(201)
  expect((await orderOf(response)).state).toBe('confirmed')
  const text = `select count(*)::int as n from outbox join "order" o on o.id = outbox.subject
    where o.cart_id = $1 and outbox.type = 'order.confirmed'`
  expect(await queryRows(cell.url, text, [cart.id])).toEqual([{ n: 1 }])
})

test('a charge that comes after the job cancelled it takes no money, and the request is told so', async () => {
  const at = gate()
  beforeCharge = at
  const before = await unitsOf(cell, 'CUP')
  const cart = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const idempotencyKey = 'late-outcome-key-1'
  const answering = order(cell, cart, { idempotencyKey })
  await at.reached.promise
  nowMs += 60_000
  await reconcile(cell)
  at.released.resolve()
  const response = await answering
  expect(response.status).toBe(402)
  const problem = await problemOf(response)
  expect(problem.code).toBe('payment.declined')
  const repeated = await order(cell, cart, { idempotencyKey })
  expect(await problemOf(repeated)).toEqual(problem)
  const book = `select book.outcome from test_provider_charge book
    join payment on payment.id = book.key join "order" o on o.id = payment.order_id
    where o.cart_id = $1`
  expect(await queryRows(cell.url, book, [cart.id])).toEqual([{ outcome: 'cancelled' }])
  expect(await unitsOf(cell, 'CUP')).toBe(before)
})
