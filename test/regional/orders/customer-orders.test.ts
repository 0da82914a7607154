import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { claim } from '../../../regional/modules/orders/claim-orders.ts'
import { claimOrders } from '../../../regional/modules/orders/index.ts'
import { selectOrderPage } from '../../../regional/modules/orders/queries.ts'
import type { Cart } from '../../../shared/contracts/carts.ts'
import type { Order } from '../../../shared/contracts/orders.ts'
import { newCellId } from '../../../shared/ids.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { addCustomer, type TestCustomer } from '../../support/customers.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { openCart, openShop, order, orderBody, orderOf, problemOf } from '../../support/shop.ts'

let cell: TestCell
let customer: TestCustomer
let token: string

beforeAll(async () => {
  cell = await startTestCell()
  await openShop(cell, [{ sku: 'CUP', available: 1_000 }])
})
afterAll(() => cell.close())
beforeEach(async () => {
  customer = await addCustomer(cell)
  token = await customer.token()
})

interface OrderPage {
  items: Order[]
  next: string | null
}

async function place(channel = 'web'): Promise<Order> {
  const lines = [{ sku: 'CUP', quantity: 1 }]
  const opened = await cell.call('post', '/v1/carts', { token, body: { channel, lines } })
  const { cart } = (await opened.json()) as { cart: Cart }
  const path = `/v1/carts/${cart.id}/order`
  return await orderOf(await cell.call('post', path, { token, body: orderBody(cart) }))
}

async function placeAsGuest(email: string) {
  const guest = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const body = { ...orderBody(guest.cart), email }
  const path = `/v1/carts/${guest.id}/order`
  const placed = await cell.call('post', path, { cartSecret: guest.secret, body })
  return { placed: await orderOf(placed), cartSecret: guest.secret }
}

const read = (id: string, call: object) => cell.call('get', `/v1/orders/${id}`, call)

async function ordersOf(call: { token: string; query?: string }): Promise<OrderPage> {
  const { query = '', ...rest } = call
  const response = await cell.call('get', `/v1/me/orders${query}`, rest)
  expect(response.status).toBe(200)
  return (await response.json()) as OrderPage
}

const claimed = (email: string) =>
  cell.services.db.inTransaction((tx) => claimOrders(tx, { customerId: customer.id, email }))

test('an order of a customer is theirs to read, and nobody else’s', async () => {
  const placed = await place('app')
  expect(placed).toMatchObject({ channel: 'app', country: 'DE', state: 'confirmed' })
  expect(await (await read(placed.id, { token })).json()).toEqual(placed)
  const other = await (await addCustomer(cell)).token()
  const { secret } = await openCart(cell, [])
  for (const call of [{ token: other }, { cartSecret: secret }, {}]) {
    expect((await problemOf(await read(placed.id, call))).code).toBe('order.unknown')
  }
  expect((await ordersOf({ token: other })).items).toEqual([])
})

test('an order that a customer places of a guest’s cart is the customer’s', async () => {
  const guest = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const call = { token, cartSecret: guest.secret }
  const path = `/v1/carts/${guest.id}/order`
  const response = await cell.call('post', path, { ...call, body: orderBody(guest.cart) })
  const placed = await orderOf(response)
  expect((await ordersOf({ token })).items.map(({ id }) => id)).toEqual([placed.id])
  const bySecret = await read(placed.id, { cartSecret: guest.secret })
  expect((await problemOf(bySecret)).code).toBe('order.unknown')
})

test('orders are listed by page, the newest first', async () => {
  const placed: Order[] = []
  for (let i = 0; i < 5; i += 1) placed.unshift(await place())
  const first = await ordersOf({ token, query: '?limit=2' })
  const second = await ordersOf({ token, query: `?limit=2&after=${first.next}` })
  const third = await ordersOf({ token, query: `?limit=2&after=${second.next}` })
  expect([...first.items, ...second.items, ...third.items]).toEqual(placed)
  expect(third.next).toBeNull()
  const tooMany = await cell.call('get', '/v1/me/orders?limit=51', { token })
  expect((await problemOf(tooMany)).code).toBe('request.invalid')
})

test('staff and guests have no orders of their own', async () => {
  const asStaff = await cell.call('get', '/v1/me/orders', { token: await accessToken() })
  expect(asStaff.status).toBe(403)
  expect((await cell.call('get', '/v1/me/orders')).status).toBe(403)
})

test('staff read orders of the channels that their scope is held in', async () => {
  const placed = await place('pos')
  const status = async (scope: string) =>
    (await read(placed.id, { token: await accessToken({ scopes: [scope] }) })).status
  expect(await status('orders:read')).toBe(200)
  expect(await status('orders:read@pos')).toBe(200)
  expect(await status('orders:read@web')).toBe(404)
})

test('a guest’s orders are claimed by their address, in whatever case, and only by it', async () => {
  const email = `Ada.${customer.id}@Example.com`
  const { placed, cartSecret } = await placeAsGuest(email)
  const { placed: others } = await placeAsGuest(`not.${email}`)
  expect((await read(placed.id, { cartSecret })).status).toBe(200)
  await claimed(email.toLowerCase())
  expect((await ordersOf({ token })).items.map(({ id }) => id)).toEqual([placed.id])
  expect((await read(placed.id, { token })).status).toBe(200)
  expect((await problemOf(await read(placed.id, { cartSecret }))).code).toBe('order.unknown')
  expect((await problemOf(await read(others.id, { token }))).code).toBe('order.unknown')
  await claimed(email)
  expect((await ordersOf({ token })).items).toHaveLength(1)
})

test('an order that is a customer’s is claimed by nobody', async () => {
  const placed = await place()
  const owner = token
  customer = await addCustomer(cell)
  await claimed(placed.email!)
  expect((await ordersOf({ token: owner })).items).toHaveLength(1)
  expect((await ordersOf({ token: await customer.token() })).items).not.toContainEqual(placed)
})

test('an order is not placed by a session that has ended, and takes nothing', async () => {
  const guest = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const call = { token, cartSecret: guest.secret }
  expect((await cell.call('get', `/v1/carts/${guest.id}`, call)).status).toBe(200)
  await queryRows(cell.url, 'delete from session where id = $1', [customer.session])
  const path = `/v1/carts/${guest.id}/order`
  const refused = await cell.call('post', path, { ...call, body: orderBody(guest.cart) })
  expect((await problemOf(refused)).code).toBe('token.refused')
  expect((await order(cell, guest)).status).toBe(201)
})

test('the list and the claim go by their indexes', async () => {
  await queryRows(
    cell.url,
    `insert into "order" (id, cart_id, customer_id, state, market, locale, email,
       shipping_address, currency, prices_include_tax, subtotal_minor, tax_minor, total_minor,
       placed_at)
     select format('ord_eu_%s', lpad(n::text, 32, '0')), n, case when n % 2 = 0 then $1 || n % 100 end,
       'confirmed', 'de', 'de', n || '@example.com', '{}', 'EUR', true, 0, 0, 0, now()
     from generate_series(1, 5000) n`,
    [newCellId('cus', 'eu')],
  )
  await queryRows(cell.url, 'analyze "order"')
  const client = new pg.Client({ connectionString: cell.url })
  await client.connect()
  try {
    for (const [{ text }, index] of [
      [selectOrderPage, 'order_customer'],
      [claim, 'order_guest_email'],
    ] as const) {
      const { rows } = await client.query(`explain (generic_plan) ${text}`)
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      expect(plan).toMatch(new RegExp(`(?:using|Bitmap Index Scan on) ${index}`))
      expect(plan).not.toMatch(/Sort Key: placed|Seq Scan on "?order/)
    }
  } finally {
    await client.end()
  }
})
