import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import {
  ledgerFaults,
  type OpenedCart,
  openCart,
  openShop,
  order,
  orderOf,
  problemOf,
  reconcile,
  unitsOf,
} from '../../support/shop.ts'

let cell: TestCell
let nowMs = Date.parse('2026-03-01T12:00:00Z')
const clock = { now: () => new Date(nowMs) }

beforeAll(async () => {
  const config = { PAYMENT_TIMEOUT_MS: '20', PAYMENT_RECONCILE_AFTER_MS: '30000' }
  cell = await startTestCell({ clock, config })
  await openShop(cell, [{ sku: 'CUP', available: 1_000 }])
})
afterAll(async () => {
  expect(await ledgerFaults(cell)).toEqual([])
  await cell.close()
})

let cart: OpenedCart
let before: number
let keys = 0
let idempotencyKey: string
beforeEach(async () => {
  cart = await openCart(cell, [{ sku: 'CUP', quantity: 2 }])
  before = await unitsOf(cell, 'CUP')
  keys += 1
  idempotencyKey = `outcome-key-${String(keys).padStart(6, '0')}`
})

const placing = (paymentMethod: string) => order(cell, cart, { paymentMethod, idempotencyKey })

/** What the order, its payment, the provider's book and the cart say, each on its own. */
async function records() {
  const text = `select o.state as order, p.state as payment, p.attempts, book.outcome as book,
      cart.status as cart, idempotency.state as key
    from "order" o join payment p on p.order_id = o.id join cart on cart.id = o.cart_id
      left join test_provider_charge book on book.key = p.id
      join idempotency on idempotency.key_hash = p.idempotency_record->>'keyHash'
    where o.cart_id = $1 order by o.placed_at`
  return await queryRows(cell.url, text, [cart.id])
}

test('a declined payment gives the stock back, opens the cart again, and is repeated as declined', async () => {
  const declined = await placing('test_decline')
  expect(declined.status).toBe(402)
  const problem = await problemOf(declined)
  expect(problem).toMatchObject({ code: 'payment.declined', orderId: expect.any(String) })
  expect(await unitsOf(cell, 'CUP')).toBe(before)
  expect(await records()).toEqual([
    {
      order: 'payment_failed',
      payment: 'declined',
      attempts: 0,
      book: 'declined',
      cart: 'open',
      key: 'done',
    },
  ])
  const repeated = await placing('test_decline')
  expect(repeated.status).toBe(402)
  expect(await problemOf(repeated)).toEqual(problem)
  const read = await cell.call('get', `/v1/orders/${problem.orderId}`, { cartSecret: cart.secret })
  expect((await orderOf(read)).state).toBe('payment_failed')
})

test('after a decline the same cart is ordered with a new key', async () => {
  await placing('test_decline')
  const response = await order(cell, cart)
  expect((await orderOf(response)).state).toBe('confirmed')
  expect(await unitsOf(cell, 'CUP')).toBe(before - 2)
  expect((await records()).map((row) => row.order)).toEqual(['payment_failed', 'confirmed'])
})

test('an answer that never came leaves the order pending until the job learns that it was charged', async () => {
  const pending = await placing('test_timeout')
  expect(pending.status).toBe(201)
  const placed = await orderOf(pending)
  expect(placed.state).toBe('payment_pending')

  const running = await placing('test_timeout')
  expect(running.status).toBe(409)
  expect(running.headers.get('retry-after')).toBe('1')
  expect((await problemOf(running)).code).toBe('idempotency.running')
  expect((await problemOf(await order(cell, cart))).code).toBe('cart.closed')

  await reconcile(cell)
  expect((await records())[0]).toMatchObject({ payment: 'pending', attempts: 0 })
  nowMs += 30_000
  await reconcile(cell)
  expect(await records()).toEqual([
    {
      order: 'confirmed',
      payment: 'captured',
      attempts: 1,
      book: 'captured',
      cart: 'ordered',
      key: 'done',
    },
  ])
  const repeated = await placing('test_timeout')
  expect(repeated.status).toBe(201)
  expect(await repeated.json()).toEqual({ ...placed, state: 'confirmed' })
  expect(await unitsOf(cell, 'CUP')).toBe(before - 2)
})

test('a charge that never reached the provider is cancelled for good, and the order is undone', async () => {
  const placed = await orderOf(await placing('test_timeout_uncharged'))
  expect(placed.state).toBe('payment_pending')
  nowMs += 30_000
  await reconcile(cell)
  expect(await records()).toEqual([
    {
      order: 'payment_failed',
      payment: 'cancelled',
      attempts: 1,
      book: 'cancelled',
      cart: 'open',
      key: 'done',
    },
  ])
  expect(await unitsOf(cell, 'CUP')).toBe(before)
  const repeated = await placing('test_timeout_uncharged')
  expect(repeated.status).toBe(402)
  expect((await problemOf(repeated)).code).toBe('payment.declined')
})

test('a job that runs again, or twice at once, settles once', async () => {
  await placing('test_timeout_uncharged')
  nowMs += 30_000
  await Promise.all([reconcile(cell), reconcile(cell), reconcile(cell)])
  nowMs += 3_600_000
  await reconcile(cell)
  expect(await unitsOf(cell, 'CUP')).toBe(before)
  const text = `select count(*)::int as n from outbox join "order" o on o.id = outbox.subject
    where o.cart_id = $1 and outbox.type = 'order.payment_failed'`
  expect(await queryRows(cell.url, text, [cart.id])).toEqual([{ n: 1 }])
})

test('a payment of another provider is left to those who can ask it', async () => {
  await placing('test_timeout_uncharged')
  const asked =
    'update payment set provider = $2 where order_id in (select id from "order" where cart_id = $1)'
  await queryRows(cell.url, asked, [cart.id, 'elsewhere'])
  nowMs += 3_600_000
  await reconcile(cell)
  expect((await records())[0]).toMatchObject({ payment: 'pending', attempts: 0, book: null })
  await queryRows(cell.url, asked, [cart.id, 'test'])
  await reconcile(cell)
  expect((await records())[0]).toMatchObject({ payment: 'cancelled', attempts: 1 })
})

test('the job reads what is due through its index', async () => {
  const plan = await queryRows<{ 'QUERY PLAN': string }>(
    cell.url,
    `explain select id from payment where state = 'pending' and provider = 'test' and next_attempt_at <= now()
     order by next_attempt_at limit 20`,
  )
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('payment_pending')
})
