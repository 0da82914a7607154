import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { requestOf, startTestCell, type TestCell } from '../support/cell.ts'
import { queryRows } from '../support/database.ts'
import { testEnvironment } from '../support/services.ts'
import {
  ledgerFaults,
  type OpenedCart,
  openCart,
  openShop,
  order,
  orderBody,
  orderOf,
  reconcile,
  unitsOf,
} from '../support/shop.ts'

/** The cell that is started after the crash, when what was left is overdue. */
let after: TestCell
const later = { now: () => new Date(Date.now() + 60_000) }
const QUANTITY = 2

beforeAll(async () => {
  after = await startTestCell({ clock: later })
  await openShop(after, [{ sku: 'CUP', available: 1_000 }])
})
afterAll(() => after.close())

let child: ChildProcess | null = null
afterEach(() => {
  child?.kill('SIGKILL')
})

interface Message {
  listening?: number
  reached?: string
}

async function startCell(haltAt: string): Promise<{ process: ChildProcess; port: number }> {
  child = fork(fileURLToPath(new URL('cell-process.ts', import.meta.url)), {
    execArgv: [],
    env: { ...testEnvironment(after.url), HALT_AT: haltAt },
  })
  const [message] = (await once(child, 'message')) as [Message]
  return { process: child, port: message.listening! }
}

interface Sent {
  process: ChildProcess
  /** `null` when no answer came. */
  answer: Promise<Response | null>
}

/** Sends the order to a cell that halts, and waits until it does. */
async function orderHalted(
  haltAt: string,
  { id, secret, cart }: OpenedCart,
  call: { idempotencyKey: string; paymentMethod: string },
): Promise<Sent> {
  const cell = await startCell(haltAt)
  const reached = once(cell.process, 'message') as Promise<[Message]>
  const path = `/v1/carts/${id}/order`
  const request = requestOf(
    'post',
    path,
    {
      cartSecret: secret,
      idempotencyKey: call.idempotencyKey,
      body: orderBody(cart, call.paymentMethod),
    },
    { now: () => new Date() },
  )
  const answer = fetch(`http://127.0.0.1:${cell.port}${path}`, request).catch(() => null)
  expect((await reached)[0]).toEqual({ reached: haltAt })
  return { process: cell.process, answer }
}

async function kill({ process, answer }: Sent): Promise<void> {
  const exited = once(process, 'exit')
  process.kill('SIGKILL')
  expect(await exited).toEqual([null, 'SIGKILL'])
  expect(await answer).toBeNull()
}

/** What is there of a cart's orders, from each one's own table. */
async function records(cart: OpenedCart) {
  const [row] = await queryRows<Record<string, number>>(
    after.url,
    `select
      count(*) filter (where o.state = 'confirmed')::int as confirmed,
      count(*) filter (where o.state = 'payment_pending' or p.state = 'pending')::int as unfinished,
      count(*) filter (where book.outcome = 'captured')::int as charged,
      (select count(*)::int from test_provider_charge charge
        where not exists (select from payment where payment.id = charge.key)) as stray
    from "order" o join payment p on p.order_id = o.id
      left join test_provider_charge book on book.key = p.id
    where o.cart_id = $1`,
    [cart.id],
  )
  return row!
}

let keys = 0
async function setUp() {
  keys += 1
  const idempotencyKey = `crash-key-${String(keys).padStart(8, '0')}`
  const cart = await openCart(after, [{ sku: 'CUP', quantity: QUANTITY }])
  return { cart, idempotencyKey, before: await unitsOf(after, 'CUP') }
}

/** Restarts, runs the job, repeats the request, and expects one order and one charge, or none and none. */
async function expectEnd(
  end: 'ordered' | 'undone',
  made: { cart: OpenedCart; idempotencyKey: string; before: number; paymentMethod: string },
): Promise<void> {
  const { cart, before, ...call } = made
  await reconcile(after)
  const repeated = await order(after, cart, call)
  const count = end === 'ordered' ? 1 : 0
  expect(repeated.status).toBe(end === 'ordered' ? 201 : 402)
  expect(await records(cart)).toEqual({
    confirmed: count,
    charged: count,
    unfinished: 0,
    stray: 0,
  })
  expect(await unitsOf(after, 'CUP')).toBe(before - count * QUANTITY)
  expect(await ledgerFaults(after)).toEqual([])
  const again = await order(after, cart, call)
  expect(again.status).toBe(repeated.status)
  expect(await again.json()).toEqual(await repeated.json())
  if (end === 'ordered') return
  const fresh = await orderOf(await order(after, cart))
  expect(fresh.state).toBe('confirmed')
}

test.each([
  // Nothing was committed: the repeat is the first.
  ['after idempotency_claim', 'ordered'],
  ['after cart_lock', 'ordered'],
  ['after stock_take', 'ordered'],
  ['after order_agree', 'ordered'],
  // Agreed and not charged: undone, so that the buyer may try again.
  ['committed order_agree', 'undone'],
  ['before test_provider_charge', 'undone'],
  // Charged: finished.
  ['after test_provider_charge', 'ordered'],
  ['before order_settle', 'ordered'],
  ['after order_settle', 'ordered'],
] as const)('a cell killed %s leaves the order %s', async (haltAt, end) => {
  const made = { ...(await setUp()), paymentMethod: 'test_accept' }
  await kill(await orderHalted(haltAt, made.cart, made))
  await expectEnd(end, made)
})

test.each([
  'after test_provider_charge',
  'before order_settle',
  'after order_settle',
  'after stock_return',
  'committed stock_return',
])('a cell killed %s of a declined payment gives the stock back once', async (haltAt) => {
  const made = { ...(await setUp()), paymentMethod: 'test_decline' }
  await kill(await orderHalted(haltAt, made.cart, made))
  await expectEnd('undone', made)
})

test('a cell killed while its settling statement runs leaves one order and one charge', async () => {
  const made = { ...(await setUp()), paymentMethod: 'test_accept' }
  const sent = await orderHalted('before order_settle', made.cart, made)
  const holder = new pg.Client({ connectionString: after.url })
  await holder.connect()
  await holder.query('begin')
  await holder.query(
    `select id from payment where order_id = (select id from "order" where cart_id = $1) for update`,
    [made.cart.id],
  )
  sent.process.send({ goOn: true })
  const waiting = `select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`
  await expect.poll(async () => (await queryRows(after.url, waiting))[0]).toEqual({ n: 1 })
  await kill(sent)
  await holder.query('commit')
  await holder.end()
  await expectEnd('ordered', made)
})

test('a repeat that comes before the job is told that the request is still running', async () => {
  const made = await setUp()
  const call = { idempotencyKey: made.idempotencyKey, paymentMethod: 'test_accept' }
  await kill(await orderHalted('after test_provider_charge', made.cart, call))
  const early = await order(after, made.cart, call)
  expect(early.status).toBe(409)
  expect(early.headers.get('retry-after')).toBe('1')
  await expectEnd('ordered', { ...made, ...call })
})
