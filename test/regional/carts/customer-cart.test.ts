import { afterAll, beforeAll, expect, test } from 'vitest'
import { CART_STATES } from '../../../regional/modules/carts/states.ts'
import { type Cart, CartStatus } from '../../../shared/contracts/carts.ts'
import { type CellCall, startTestCell, type TestCell } from '../../support/cell.ts'
import { addCustomer, type TestCustomer } from '../../support/customers.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { openCart, openShop, orderBody, problemOf } from '../../support/shop.ts'

let cell: TestCell
let customer: TestCustomer
let token: string

beforeAll(async () => {
  cell = await startTestCell()
  await openShop(cell, [
    { sku: 'CUP', prices: { EUR: 1_190, USD: 1_000 }, available: 1_000 },
    { sku: 'POT', prices: { EUR: 2_599, USD: 2_499 } },
    { sku: 'EURO', prices: { EUR: 500 } },
    ...Array.from({ length: 101 }, (_, i) => ({ sku: `MANY-${i}` })),
  ])
})
afterAll(() => cell.close())

async function newCustomer(): Promise<void> {
  customer = await addCustomer(cell)
  token = await customer.token()
}

interface Opened {
  cart: Cart
  secret: string | null
}

async function opened(body: object, call: CellCall = {}): Promise<Opened> {
  const response = await cell.call('post', '/v1/carts', { token, ...call, body })
  if (response.status !== 201) throw new Error(await response.text())
  return (await response.json()) as Opened
}

const linesOf = ({ lines }: Cart) => lines.map((line) => `${line.sku} ${line.quantity}`)
const cartOf = async (response: Response) => (await response.json()) as Cart

test('a customer holds their cart by their token, without a secret', async () => {
  await newCustomer()
  const { cart, secret } = await opened({ market: 'de', lines: [{ sku: 'CUP', quantity: 1 }] })
  expect(secret).toBeNull()
  const added = await cell.call('post', `/v1/carts/${cart.id}/lines`, {
    token,
    body: { lines: [{ sku: 'POT', quantity: 1 }] },
  })
  expect(linesOf(await cartOf(added))).toEqual(['CUP 1', 'POT 1'])
  const changed = await cell.call('patch', `/v1/carts/${cart.id}/lines`, {
    token,
    body: { remove: ['POT'] },
  })
  const now = await cartOf(changed)
  expect(await cartOf(await cell.call('get', `/v1/carts/${cart.id}`, { token }))).toEqual(now)
  expect(await cartOf(await cell.call('get', '/v1/me/cart', { token }))).toEqual(now)
})

test('nobody else holds it: another customer, a guest, staff that want to change it', async () => {
  await newCustomer()
  const { cart } = await opened({ lines: [{ sku: 'CUP', quantity: 1 }] })
  const other = await (await addCustomer(cell)).token()
  const { secret } = await openCart(cell, [])
  for (const call of [
    { token: other },
    { cartSecret: secret },
    { token: other, cartSecret: secret },
  ]) {
    const read = await cell.call('get', `/v1/carts/${cart.id}`, call)
    expect((await problemOf(read)).code).toBe('cart.unknown')
    const ordered = await cell.call('post', `/v1/carts/${cart.id}/order`, {
      ...call,
      body: orderBody(cart),
    })
    expect((await problemOf(ordered)).code).toBe('cart.unknown')
  }
  const body = { lines: [{ sku: 'CUP', quantity: 1 }] }
  const asStaff = { token: await accessToken(), body }
  const added = await cell.call('post', `/v1/carts/${cart.id}/lines`, asStaff)
  expect((await problemOf(added)).code).toBe('cart.unknown')
})

test('a signed-in customer may use a guest’s cart by its secret', async () => {
  await newCustomer()
  const { id, secret } = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const read = await cell.call('get', `/v1/carts/${id}`, { token, cartSecret: secret })
  expect(read.status).toBe(200)
  expect((await problemOf(await cell.call('get', '/v1/me/cart', { token }))).code).toBe(
    'cart.unknown',
  )
})

test('opening a second cart adds to the one that is open, which keeps its market', async () => {
  await newCustomer()
  const first = await opened({
    market: 'de',
    locale: 'en',
    channel: 'app',
    lines: [{ sku: 'CUP', quantity: 1 }],
  })
  const second = await opened({
    market: 'us',
    lines: [
      { sku: 'CUP', quantity: 2 },
      { sku: 'POT', quantity: 1 },
    ],
  })
  expect(second.cart.id).toBe(first.cart.id)
  expect(linesOf(second.cart)).toEqual(['CUP 3', 'POT 1'])
  expect(second.cart).toMatchObject({ market: 'de', locale: 'en', channel: 'app' })
})

test('an empty cart takes on the market, language and channel of what it is opened with', async () => {
  await newCustomer()
  const first = await opened({ market: 'de' })
  expect(first.cart).toMatchObject({ market: 'de', channel: 'web' })
  const second = await opened({
    market: 'us',
    channel: 'pos',
    lines: [{ sku: 'CUP', quantity: 1 }],
  })
  expect(second.cart).toMatchObject({
    id: first.cart.id,
    market: 'us',
    locale: 'en',
    channel: 'pos',
  })
  expect(second.cart.totals.currency).toBe('USD')
})

test('what cannot be added is refused, and the open cart stays as it was', async () => {
  await newCustomer()
  const { cart } = await opened({ market: 'us', lines: [{ sku: 'CUP', quantity: 999 }] })
  for (const [lines, code] of [
    [[{ sku: 'CUP', quantity: 1 }], 'cart.quantity_exceeded'],
    [[{ sku: 'EURO', quantity: 1 }], 'variant.unknown'],
  ] as const) {
    const refused = await cell.call('post', '/v1/carts', { token, body: { lines } })
    expect((await problemOf(refused)).code).toBe(code)
  }
  const many = Array.from({ length: 100 }, (_, i) => ({ sku: `MANY-${i}`, quantity: 1 }))
  await newCustomer()
  await opened({ market: 'de', lines: many })
  const full = await cell.call('post', '/v1/carts', {
    token,
    body: { lines: [{ sku: 'MANY-100', quantity: 1 }] },
  })
  expect((await problemOf(full)).code).toBe('cart.too_many_lines')
  expect(cart.lines).toHaveLength(1)
})

test('a repeated key adds once', async () => {
  await newCustomer()
  const call = { idempotencyKey: 'open-own-cart-0001' }
  const body = { lines: [{ sku: 'CUP', quantity: 1 }] }
  const first = await opened(body, call)
  expect(await opened(body, call)).toEqual(first)
  const now = await cartOf(await cell.call('get', '/v1/me/cart', { token }))
  expect(linesOf(now)).toEqual(['CUP 1'])
})

test('many that open a cart at once open one, and no line is lost', async () => {
  await newCustomer()
  const skus = Array.from({ length: 12 }, (_, i) => `MANY-${i}`)
  const carts = await Promise.all(skus.map((sku) => opened({ lines: [{ sku, quantity: 1 }] })))
  expect(new Set(carts.map(({ cart }) => cart.id)).size).toBe(1)
  const now = await cartOf(await cell.call('get', '/v1/me/cart', { token }))
  expect(now.lines.map((line) => line.sku).sort()).toEqual([...skus].sort())
  const count = `select count(*)::int as n from cart where customer_id = $1`
  expect(await queryRows(cell.url, count, [customer.id])).toEqual([{ n: 1 }])
})

test('a session that ended after its token was verified opens no cart', async () => {
  await newCustomer()
  // The token says a session of which the cell is sure, until the write looks at the row itself.
  await opened({ lines: [] })
  await queryRows(cell.url, 'delete from session where id = $1', [customer.session])
  const refused = await cell.call('post', '/v1/carts', { token, body: {} })
  expect((await problemOf(refused)).code).toBe('token.refused')
})

test('after an order the next cart is a new one', async () => {
  await newCustomer()
  const first = await opened({ lines: [{ sku: 'CUP', quantity: 1 }] })
  const path = `/v1/carts/${first.cart.id}/order`
  expect((await cell.call('post', path, { token, body: orderBody(first.cart) })).status).toBe(201)
  const none = await cell.call('get', '/v1/me/cart', { token })
  expect((await problemOf(none)).code).toBe('cart.unknown')
  const second = await opened({ lines: [] })
  expect(second.cart.id).not.toBe(first.cart.id)
})

test('staff read carts of the channels that their scope is held in', async () => {
  await newCustomer()
  const { cart } = await opened({ channel: 'pos', lines: [] })
  const read = async (scope: string) => {
    const scoped = await accessToken({ scopes: [scope] })
    return (await cell.call('get', `/v1/carts/${cart.id}`, { token: scoped })).status
  }
  expect(await read('carts:read')).toBe(200)
  expect(await read('carts:read@web,pos')).toBe(200)
  expect(await read('carts:read@web')).toBe(404)
})

test('the states of a cart are those that contracts name, and each leads to others', () => {
  expect(Object.keys(CART_STATES).sort()).toEqual([...CartStatus.options].sort())
  for (const [state, next] of Object.entries(CART_STATES)) expect(next).not.toContain(state)
})
