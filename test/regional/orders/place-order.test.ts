import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import {
  ADDRESS,
  ledgerFaults,
  openCart,
  openShop,
  order,
  orderBody,
  orderOf,
  problemOf,
  setPrice,
  unitsOf,
} from '../../support/shop.ts'

let cell: TestCell
beforeAll(async () => {
  cell = await startTestCell()
  await openShop(cell, [
    { sku: 'CUP', prices: { EUR: 1_190, USD: 1_000 }, available: 1_000 },
    { sku: 'POT', prices: { EUR: 2_599, USD: 2_499 }, available: 1_000 },
    { sku: 'LID', prices: { EUR: 333, USD: 299 }, available: 1_000 },
    { sku: 'RARE', available: 1 },
  ])
})
afterAll(async () => {
  expect(await ledgerFaults(cell)).toEqual([])
  await cell.close()
})

const countOf = async (table: string) => {
  const [row] = await queryRows<{ n: number }>(
    cell.url,
    `select count(*)::int as n from "${table}"`,
  )
  return row!.n
}

/** Everything that an order writes, counted. */
const footprint = async () => ({
  orders: await countOf('order'),
  lines: await countOf('order_line'),
  payments: await countOf('payment'),
  charges: await countOf('test_provider_charge'),
  movements: await countOf('stock_movement'),
  events: await countOf('outbox'),
})

const cartStatus = async (id: string) => {
  const rows = await queryRows<{ status: string }>(
    cell.url,
    'select status from cart where id = $1',
    [id],
  )
  return rows[0]!.status
}

test('an order takes its stock, is charged once and keeps what was agreed', async () => {
  const cart = await openCart(cell, [
    { sku: 'CUP', quantity: 2 },
    { sku: 'POT', quantity: 1 },
    { sku: 'LID', quantity: 3 },
  ])
  const before = await unitsOf(cell, 'CUP')
  const response = await order(cell, cart)
  expect(response.status).toBe(201)
  const placed = await orderOf(response)
  expect(placed).toMatchObject({
    cartId: cart.id,
    state: 'confirmed',
    market: 'de',
    locale: 'de',
    email: 'ada@example.com',
    shippingAddress: ADDRESS,
    totals: { ...cart.cart.totals, totalMinor: 2 * 1_190 + 2_599 + 3 * 333 },
  })
  expect(placed.lines).toEqual([
    {
      sku: 'CUP',
      name: 'Das CUP',
      options: {},
      quantity: 2,
      unitPriceMinor: 1_190,
      totalMinor: 2_380,
      taxMinor: 380,
    },
    expect.objectContaining({ sku: 'LID', quantity: 3, totalMinor: 999 }),
    expect.objectContaining({ sku: 'POT', quantity: 1, totalMinor: 2_599 }),
  ])
  expect(await unitsOf(cell, 'CUP')).toBe(before - 2)
  expect(await cartStatus(cart.id)).toBe('ordered')
  const charges = `select book.amount_minor::int as amount, book.currency, book.outcome
    from test_provider_charge book join payment on payment.id = book.key
    where payment.order_id = $1`
  expect(await queryRows(cell.url, charges, [placed.id])).toEqual([
    { amount: placed.totals.totalMinor, currency: 'EUR', outcome: 'captured' },
  ])
  const events = 'select type from outbox where subject = $1 order by id'
  expect(await queryRows(cell.url, events, [placed.id])).toEqual([
    { type: 'order.placed' },
    { type: 'order.confirmed' },
  ])
  const read = await cell.call('get', `/v1/orders/${placed.id}`, { cartSecret: cart.secret })
  expect(await read.json()).toEqual(placed)
})

test('tax comes on top where the market shows prices without it', async () => {
  const cart = await openCart(cell, [{ sku: 'CUP', quantity: 3 }], 'us')
  const placed = await orderOf(await order(cell, cart))
  expect(placed.totals).toMatchObject({ subtotalMinor: 3_000, taxMinor: 248, totalMinor: 3_248 })
})

test('a repeated key returns the first order and charges once', async () => {
  const cart = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const idempotencyKey = 'place-order-key-01'
  const first = await order(cell, cart, { idempotencyKey })
  const after = await footprint()
  const repeated = await order(cell, cart, { idempotencyKey })
  expect(repeated.status).toBe(201)
  expect(await repeated.json()).toEqual(await first.json())
  expect(await footprint()).toEqual(after)
})

test('a repeated key tells nothing to whoever does not hold the cart', async () => {
  const cart = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const idempotencyKey = 'place-order-key-02'
  await order(cell, cart, { idempotencyKey })
  const other = await openCart(cell, [])
  const repeated = await order(cell, { ...cart, secret: other.secret }, { idempotencyKey })
  expect((await problemOf(repeated)).code).toBe('cart.unknown')
})

test('another body under the same key is refused', async () => {
  const cart = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const idempotencyKey = 'place-order-key-03'
  await order(cell, cart, { idempotencyKey })
  const other = await order(cell, cart, { idempotencyKey, paymentMethod: 'test_decline' })
  expect(other.status).toBe(422)
  expect((await problemOf(other)).code).toBe('idempotency.reused')
})

test('two keys on one cart at the same time make one order', async () => {
  const cart = await openCart(cell, [{ sku: 'RARE', quantity: 1 }])
  const responses = await Promise.all(Array.from({ length: 6 }, () => order(cell, cart)))
  const statuses = responses.map((response) => response.status).sort()
  expect(statuses).toEqual([201, 409, 409, 409, 409, 409])
  const refused = responses.filter((response) => response.status === 409)
  // The one who is late hears of the cart, not that the stock is gone: it is their own.
  for (const response of refused) expect((await problemOf(response)).code).toBe('cart.closed')
  const orders = 'select count(*)::int as n from "order" where cart_id = $1'
  expect(await queryRows(cell.url, orders, [cart.id])).toEqual([{ n: 1 }])
})

test('copies of one request at the same time make one order', async () => {
  const cart = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const idempotencyKey = 'place-order-key-04'
  const copies = Array.from({ length: 6 }, () => order(cell, cart, { idempotencyKey }))
  const responses = await Promise.all(copies)
  for (const response of responses) expect([201, 409]).toContain(response.status)
  for (const response of responses.filter((copy) => copy.status === 409)) {
    expect(response.headers.get('retry-after')).toBe('1')
    expect((await problemOf(response)).code).toBe('idempotency.running')
  }
  const orders = 'select count(*)::int as n from "order" where cart_id = $1'
  expect(await queryRows(cell.url, orders, [cart.id])).toEqual([{ n: 1 }])
})

test('a cart that was ordered takes no more lines', async () => {
  const cart = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  await order(cell, cart)
  const lines = [{ sku: 'CUP', quantity: 1 }]
  const path = `/v1/carts/${cart.id}/lines`
  const added = await cell.call('post', path, { cartSecret: cart.secret, body: { lines } })
  const set = await cell.call('patch', path, { cartSecret: cart.secret, body: { set: lines } })
  expect([(await problemOf(added)).code, (await problemOf(set)).code]).toEqual([
    'cart.closed',
    'cart.closed',
  ])
})

test('a price that changed is refused with the new totals, and leaves nothing behind', async () => {
  await openShop(cell, [{ sku: 'RISING' }])
  const cart = await openCart(cell, [{ sku: 'RISING', quantity: 2 }])
  await setPrice(cell, { sku: 'RISING', currency: 'EUR', amountMinor: 1_200 })
  const before = await footprint()
  const idempotencyKey = 'place-order-key-05'
  const response = await order(cell, cart, { idempotencyKey })
  expect(response.status).toBe(409)
  expect(await problemOf(response)).toMatchObject({
    code: 'price.changed',
    totals: { totalMinor: 2_400, currency: 'EUR' },
  })
  expect(await footprint()).toEqual(before)
  expect(await cartStatus(cart.id)).toBe('open')
  // The key is unused: the refused request may be sent again as it is, and is judged anew.
  await setPrice(cell, { sku: 'RISING', currency: 'EUR', amountMinor: 1_000 })
  expect((await order(cell, cart, { idempotencyKey })).status).toBe(201)
})

test('too little stock refuses the whole order and names the SKUs', async () => {
  await openShop(cell, [{ sku: 'SCARCE', available: 1 }])
  const cart = await openCart(cell, [
    { sku: 'CUP', quantity: 1 },
    { sku: 'SCARCE', quantity: 2 },
  ])
  const before = await footprint()
  const response = await order(cell, cart)
  expect(response.status).toBe(409)
  expect(await problemOf(response)).toMatchObject({
    code: 'inventory.insufficient',
    skus: ['SCARCE'],
  })
  expect(await footprint()).toEqual(before)
})

test('a line that is sold no more refuses the order instead of leaving it out', async () => {
  await openShop(cell, [{ sku: 'GONE' }])
  const cart = await openCart(cell, [
    { sku: 'CUP', quantity: 1 },
    { sku: 'GONE', quantity: 1 },
  ])
  await queryRows(cell.url, `update product set status = 'retired' where handle = 'gone'`)
  const read = await cell.call('get', `/v1/carts/${cart.id}`, { cartSecret: cart.secret })
  const response = await order(cell, { ...cart, cart: (await read.json()) as never })
  expect(await problemOf(response)).toMatchObject({
    code: 'inventory.insufficient',
    skus: ['GONE'],
  })
})

test('an empty cart makes no order', async () => {
  const cart = await openCart(cell, [])
  const response = await order(cell, cart)
  expect(response.status).toBe(409)
  expect((await problemOf(response)).code).toBe('cart.empty')
})

test('only the holder orders; staff and strangers are told that there is no such cart', async () => {
  const cart = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const other = await openCart(cell, [])
  const token = await accessToken()
  const body = orderBody(cart.cart)
  const path = `/v1/carts/${cart.id}/order`
  for (const caller of [{}, { token }, { cartSecret: other.secret }]) {
    const response = await cell.call('post', path, { ...caller, body })
    expect(response.status).toBe(404)
    expect((await problemOf(response)).code).toBe('cart.unknown')
  }
  expect(await cartStatus(cart.id)).toBe('open')
})

test.each([
  [{ expectedTotalMinor: -1 }, '/expectedTotalMinor'],
  [{ expectedTotalMinor: 1e15 }, '/expectedTotalMinor'],
  [{ paymentMethod: 'gold' }, '/paymentMethod'],
  [{ email: 'nobody' }, '/email'],
  [{ shippingAddress: { ...ADDRESS, name: 'A\u0000' } }, '/shippingAddress/name'],
  [{ shippingAddress: { ...ADDRESS, city: '\udfff' } }, '/shippingAddress/city'],
  [{ shippingAddress: { ...ADDRESS, planet: 'Mars' } }, '/shippingAddress/planet'],
  [{ coupon: 'FREE' }, '/coupon'],
])('an order with %j is refused, naming the field', async (fault, pointer) => {
  const cart = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const response = await cell.call('post', `/v1/carts/${cart.id}/order`, {
    cartSecret: cart.secret,
    body: { ...orderBody(cart.cart), ...fault },
  })
  expect(response.status).toBe(400)
  expect(await problemOf(response)).toMatchObject({ errors: [{ in: 'body', pointer }] })
})

test('an order is read by its holder and by staff with the scope, and is unknown to all others', async () => {
  const cart = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const other = await openCart(cell, [])
  const placed = await orderOf(await order(cell, cart))
  const path = `/v1/orders/${placed.id}`
  const reader = await accessToken({ scopes: ['orders:read'] })
  expect((await cell.call('get', path, { token: reader })).status).toBe(200)
  const strangers = [
    {},
    { cartSecret: other.secret },
    { token: await accessToken({ scopes: ['carts:read'] }) },
    { token: await accessToken({ role: 'customer', sub: 'cus_1' }) },
  ]
  const absent = await cell.call('get', `${path.slice(0, -4)}0000`, { cartSecret: cart.secret })
  const unknown = await problemOf(absent)
  expect(unknown.code).toBe('order.unknown')
  for (const stranger of strangers) {
    const response = await cell.call('get', path, stranger)
    expect(response.status).toBe(404)
    expect(await problemOf(response)).toEqual(unknown)
  }
})
