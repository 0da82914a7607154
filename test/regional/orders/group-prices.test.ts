/** A customer's group decides what a cart shows and what its order charges, at the time of each. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cart } from '../../../shared/contracts/carts.ts'
import type { PriceList } from '../../../shared/contracts/price-lists.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { accessToken } from '../../support/keys.ts'
import { openShop, orderBody, orderOf, problemOf } from '../../support/shop.ts'

const SKU = 'LISTED'
let cell: TestCell
let staff: string
let wholesale: string

beforeAll(async () => {
  cell = await startTestCell()
  staff = await accessToken()
  wholesale = await accessToken({ role: 'customer', sub: 'cus_1', group: 'wholesale' })
  await openShop(cell, [{ sku: SKU, prices: { EUR: 1_000 } }])
})
afterAll(() => cell.close())

let lists = 0

/** A list in which the variant costs so much, and a way to be rid of it. */
async function listed(amountMinor: number, more: object): Promise<() => Promise<Response>> {
  lists += 1
  const body = { handle: `list-${lists}`, name: 'A list', ...more }
  const created = await cell.call('post', '/v1/staff/price-lists', { token: staff, body })
  const path = `/v1/staff/price-lists/${((await created.json()) as PriceList).id}`
  const variants = [{ sku: SKU, prices: { EUR: amountMinor } }]
  const set = await cell.call('put', `${path}/prices`, { token: staff, body: { variants } })
  if (!set.ok) throw new Error(await set.text())
  return () => cell.call('delete', path, { token: staff })
}

async function opened(token?: string): Promise<{ id: string; secret: string; cart: Cart }> {
  const body = { market: 'de', lines: [{ sku: SKU, quantity: 2 }] }
  const response = await cell.call('post', '/v1/carts', { token, body })
  const { cart, secret } = (await response.json()) as { cart: Cart; secret: string }
  return { id: cart.id, secret, cart }
}

async function read(id: string, cartSecret: string, token?: string): Promise<number> {
  const response = await cell.call('get', `/v1/carts/${id}`, { cartSecret, token })
  return ((await response.json()) as Cart).totals.totalMinor
}

test('every answer about a cart has the prices of whoever asks, and the order charges them', async () => {
  const end = await listed(800, { customerGroup: 'wholesale' })
  const own = (await opened(wholesale)).cart
  expect(own.totals.totalMinor).toBe(1_600)
  const { id, secret: cartSecret, cart: asGuestSeen } = await opened()
  expect(asGuestSeen.totals.totalMinor).toBe(2_000)
  const cart = { ...own, id }
  expect(await read(id, cartSecret, wholesale)).toBe(1_600)
  expect(await read(id, cartSecret)).toBe(2_000)
  const call = { cartSecret, token: wholesale }
  const lines = [{ sku: SKU, quantity: 1 }]
  const added = await cell.call('post', `/v1/carts/${id}/lines`, { ...call, body: { lines } })
  expect(((await added.json()) as Cart).totals.totalMinor).toBe(2_400)
  const set = [{ sku: SKU, quantity: 2 }]
  const changed = await cell.call('patch', `/v1/carts/${id}/lines`, { ...call, body: { set } })
  expect(((await changed.json()) as Cart).totals.totalMinor).toBe(1_600)
  const path = `/v1/carts/${id}/order`
  const asGuest = await cell.call('post', path, { cartSecret, body: orderBody(cart) })
  expect(await problemOf(asGuest)).toMatchObject({
    code: 'price.changed',
    totals: { totalMinor: 2_000 },
  })
  const placed = await orderOf(await cell.call('post', path, { ...call, body: orderBody(cart) }))
  expect(placed.totals.totalMinor).toBe(1_600)
  await end()
})

test('an order across the end of a list is refused with the totals of now, and takes nothing', async () => {
  const end = await listed(700, { endsAt: new Date(Date.now() + 700).toISOString() })
  const { id, secret: cartSecret, cart } = await opened()
  expect(cart.totals.totalMinor).toBe(1_400)
  await expect.poll(() => read(id, cartSecret)).toBe(2_000)
  const path = `/v1/carts/${id}/order`
  const refused = await cell.call('post', path, { cartSecret, body: orderBody(cart) })
  expect(await problemOf(refused)).toMatchObject({
    status: 409,
    code: 'price.changed',
    totals: { totalMinor: 2_000 },
  })
  const again = { ...cart, totals: { ...cart.totals, totalMinor: 2_000 } }
  expect((await cell.call('post', path, { cartSecret, body: orderBody(again) })).status).toBe(201)
  await end()
})
