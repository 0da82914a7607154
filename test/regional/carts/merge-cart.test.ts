/** A guest's cart at sign-in: whatever runs beside it, no unit is lost and none is there twice. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mergeCart } from '../../../regional/modules/carts/index.ts'
import type { Cart } from '../../../shared/contracts/carts.ts'
import { newCellId } from '../../../shared/ids.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { addCustomer, type TestCustomer } from '../../support/customers.ts'
import { queryRows } from '../../support/database.ts'
import {
  type OpenedCart,
  openCart,
  openShop,
  order,
  orderBody,
  problemOf,
  reconcile,
} from '../../support/shop.ts'

let cell: TestCell
let customer: TestCustomer
let nowMs = Date.now()
const clock = { now: () => new Date(nowMs) }

beforeAll(async () => {
  const config = {
    PAYMENT_TIMEOUT_MS: '20',
    PAYMENT_RECONCILE_AFTER_MS: '1000',
    DATABASE_WAIT_MS_MAX: '30000',
  }
  cell = await startTestCell({ clock, config })
  await openShop(cell, [
    { sku: 'CUP', prices: { EUR: 1_190, USD: 1_000 }, available: 10_000 },
    { sku: 'POT', prices: { EUR: 2_599, USD: 2_499 } },
    { sku: 'EURO', prices: { EUR: 500 } },
    ...Array.from({ length: 101 }, (_, i) => ({ sku: `MANY-${i}` })),
  ])
})
afterAll(() => cell.close())

type Held = Pick<OpenedCart, 'id' | 'secret'>

async function merged(who: TestCustomer, cart: Held | null): Promise<string | null> {
  const { value } = await cell.services.db.inTransaction((tx) =>
    mergeCart(tx, { customerId: who.id, cart: cart && { id: cart.id, secret: cart.secret } }),
  )
  return value.cartId
}

const asOwner = async (method: string, path: string, body?: unknown) =>
  await cell.call(method, path, { token: await customer.token(), body })

/** A customer with an open cart of these lines. */
async function owner(lines: readonly object[], more: object = { market: 'de' }): Promise<Cart> {
  customer = await addCustomer(cell)
  const response = await asOwner('post', '/v1/carts', { ...more, lines })
  return ((await response.json()) as { cart: Cart }).cart
}

async function linesIn(cartId: string): Promise<string[]> {
  const text = 'select sku, quantity from cart_line where cart_id = $1 order by sku'
  const rows = await queryRows<{ sku: string; quantity: number }>(cell.url, text, [cartId])
  return rows.map(({ sku, quantity }) => `${sku} ${quantity}`)
}

async function statusOf(cartId: string): Promise<string> {
  const text = 'select status, customer_id is not null as owned from cart where id = $1'
  const [row] = await queryRows<{ status: string; owned: boolean }>(cell.url, text, [cartId])
  return `${row!.status} ${row!.owned ? 'owned' : 'guest'}`
}

test('a guest’s cart becomes the customer’s, and its secret opens nothing from then on', async () => {
  customer = await addCustomer(cell)
  const guest = await openCart(cell, [{ sku: 'CUP', quantity: 2 }])
  expect(await merged(customer, guest)).toBe(guest.id)
  const mine = await asOwner('get', '/v1/me/cart')
  expect(await mine.json()).toEqual(guest.cart)
  const bySecret = await cell.call('get', `/v1/carts/${guest.id}`, { cartSecret: guest.secret })
  expect((await problemOf(bySecret)).code).toBe('cart.unknown')
  expect((await problemOf(await order(cell, guest))).code).toBe('cart.unknown')
})

test('the lines go into the open cart, the units of one item summed', async () => {
  const own = await owner([
    { sku: 'CUP', quantity: 2 },
    { sku: 'MANY-1', quantity: 1 },
  ])
  const guest = await openCart(cell, [
    { sku: 'CUP', quantity: 3 },
    { sku: 'POT', quantity: 1 },
  ])
  expect(await merged(customer, guest)).toBe(own.id)
  expect(await linesIn(own.id)).toEqual(['CUP 5', 'MANY-1 1', 'POT 1'])
  expect(await linesIn(guest.id)).toEqual([])
  expect(await statusOf(guest.id)).toBe('merged owned')
  const read = await asOwner('get', `/v1/carts/${guest.id}`)
  expect(((await read.json()) as Cart).status).toBe('merged')
  const changed = await asOwner('post', `/v1/carts/${guest.id}/lines`, {
    lines: [{ sku: 'CUP', quantity: 1 }],
  })
  expect((await problemOf(changed)).code).toBe('cart.closed')
})

test('units beyond what a line may have are the one thing that is lost', async () => {
  const own = await owner([{ sku: 'CUP', quantity: 600 }])
  await merged(customer, await openCart(cell, [{ sku: 'CUP', quantity: 600 }]))
  expect(await linesIn(own.id)).toEqual(['CUP 999'])
})

test('more lines than may be added are kept, can be taken out, and no third cart comes in', async () => {
  const many = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({ sku: `MANY-${from + i}`, quantity: 1 }))
  const own = await owner(many(0, 100))
  const guest = await openCart(cell, [...many(100, 101), { sku: 'CUP', quantity: 1 }])
  expect(await merged(customer, guest)).toBe(own.id)
  expect(await linesIn(own.id)).toHaveLength(102)
  const third = await openCart(cell, [{ sku: 'POT', quantity: 1 }])
  expect(await merged(customer, third)).toBe(own.id)
  expect(await linesIn(own.id)).toHaveLength(102)
  expect(await statusOf(third.id)).toBe('open guest')
  const path = `/v1/carts/${own.id}/lines`
  const added = await asOwner('post', path, { lines: [{ sku: 'POT', quantity: 1 }] })
  expect((await problemOf(added)).code).toBe('cart.too_many_lines')
  expect((await asOwner('patch', path, { remove: ['MANY-0'] })).status).toBe(200)
  expect(await linesIn(own.id)).toHaveLength(101)
})

test('a cart with lines keeps its market, and what is not sold there stays in it', async () => {
  const own = await owner([{ sku: 'CUP', quantity: 1 }], { market: 'us', channel: 'app' })
  await merged(customer, await openCart(cell, [{ sku: 'EURO', quantity: 1 }], 'de'))
  const now = (await (await asOwner('get', '/v1/me/cart')).json()) as Cart
  expect(now).toMatchObject({ id: own.id, market: 'us', channel: 'app', unavailable: ['EURO'] })
  expect(now.lines.map((line) => line.sku)).toEqual(['CUP'])
})

test('an empty cart takes on the market, language and channel of the guest’s', async () => {
  const own = await owner([], { market: 'us', channel: 'app' })
  await merged(customer, await openCart(cell, [{ sku: 'EURO', quantity: 1 }], 'de'))
  const now = (await (await asOwner('get', '/v1/me/cart')).json()) as Cart
  expect(now).toMatchObject({ id: own.id, market: 'de', locale: 'de', channel: 'web' })
  expect(now.lines.map((line) => line.sku)).toEqual(['EURO'])
})

test('a second sign-in with the same cart changes nothing', async () => {
  const own = await owner([{ sku: 'CUP', quantity: 1 }])
  const guest = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  expect(await merged(customer, guest)).toBe(own.id)
  expect(await merged(customer, guest)).toBe(own.id)
  expect(await linesIn(own.id)).toEqual(['CUP 2'])
  expect(await merged(customer, { id: own.id, secret: guest.secret })).toBe(own.id)
  expect(await linesIn(own.id)).toEqual(['CUP 2'])
})

test('a cart that cannot be taken in is left as it is, and nobody is told', async () => {
  const own = await owner([{ sku: 'CUP', quantity: 1 }])
  const guest = await openCart(cell, [{ sku: 'POT', quantity: 1 }])
  const ordered = await openCart(cell, [{ sku: 'POT', quantity: 1 }])
  expect((await order(cell, ordered)).status).toBe(201)
  const others = await openCart(cell, [{ sku: 'POT', quantity: 1 }])
  await merged(await addCustomer(cell), others)
  for (const cart of [
    { ...guest, secret: ordered.secret },
    { ...guest, secret: '' },
    { ...guest, id: newCellId('cart', 'eu') },
    ordered,
    others,
    null,
  ]) {
    expect(await merged(customer, cart)).toBe(own.id)
  }
  expect(await linesIn(own.id)).toEqual(['CUP 1'])
  expect(await statusOf(guest.id)).toBe('open guest')
  expect(await statusOf(ordered.id)).toBe('ordered guest')
  expect(await merged(await addCustomer(cell), { ...guest, secret: '' })).toBeNull()
})

test('sign-ins of one customer at the same time, with one cart, take it in once', async () => {
  const own = await owner([{ sku: 'CUP', quantity: 1 }])
  const guest = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const ids = await Promise.all(Array.from({ length: 6 }, () => merged(customer, guest)))
  expect(new Set(ids)).toEqual(new Set([own.id]))
  expect(await linesIn(own.id)).toEqual(['CUP 2'])
})

test('sign-ins of one customer at the same time, with a cart each, keep every line', async () => {
  customer = await addCustomer(cell)
  const carts = await Promise.all(
    Array.from({ length: 6 }, (_, i) => openCart(cell, [{ sku: `MANY-${i}`, quantity: 1 }])),
  )
  await Promise.all(carts.map((cart) => merged(customer, cart)))
  const now = (await (await asOwner('get', '/v1/me/cart')).json()) as Cart
  expect(now.lines.map((line) => line.sku).sort()).toEqual(
    Array.from({ length: 6 }, (_, i) => `MANY-${i}`),
  )
})

test('of two customers that bring one guest’s cart at the same time, one gets it', async () => {
  const guest = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const both = [await addCustomer(cell), await addCustomer(cell)]
  const ids = await Promise.all(both.map((who) => merged(who, guest)))
  expect(ids.filter((id) => id === guest.id)).toHaveLength(1)
  expect(ids.filter((id) => id === null)).toHaveLength(1)
})

test('units that are added while their cart is taken in are in it, or were refused', async () => {
  for (let round = 0; round < 5; round += 1) {
    const own = await owner([{ sku: 'CUP', quantity: 1 }])
    const guest = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
    const add = () =>
      cell.call('post', `/v1/carts/${guest.id}/lines`, {
        cartSecret: guest.secret,
        body: { lines: [{ sku: 'CUP', quantity: 1 }] },
      })
    const before = [add(), add(), add()]
    const merging = merged(customer, guest)
    const responses = await Promise.all([...before, add(), add()])
    await merging
    const added = responses.filter((response) => response.status === 200).length
    expect(await linesIn(own.id)).toEqual([`CUP ${2 + added}`])
    expect(await linesIn(guest.id)).toEqual([])
  }
})

test('a cart that is ordered while it is taken in is either ordered or taken in', async () => {
  for (let round = 0; round < 12; round += 1) {
    const own = await owner([{ sku: 'POT', quantity: 1 }])
    const guest = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
    const [response] = await Promise.all(
      round % 2 === 0
        ? [order(cell, guest), merged(customer, guest)]
        : [merged(customer, guest).then(() => order(cell, guest))],
    )
    const isOrdered = (response as Response).status === 201
    expect(await statusOf(guest.id)).toBe(isOrdered ? 'ordered guest' : 'merged owned')
    expect(await linesIn(own.id)).toEqual(isOrdered ? ['POT 1'] : ['CUP 1', 'POT 1'])
  }
})

test('a guest’s cart that is being paid for stays the guest’s, and opens again by its secret', async () => {
  const own = await owner([{ sku: 'POT', quantity: 1 }])
  const guest = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  await order(cell, guest, { paymentMethod: 'test_timeout_uncharged' })
  expect(await statusOf(guest.id)).toBe('placing guest')
  expect(await merged(customer, guest)).toBe(own.id)
  expect(await statusOf(guest.id)).toBe('placing guest')
  nowMs += 60_000
  await reconcile(cell)
  expect(await statusOf(guest.id)).toBe('open guest')
  expect(await linesIn(guest.id)).toEqual(['CUP 1'])
  expect(await merged(customer, guest)).toBe(own.id)
  expect(await linesIn(own.id)).toEqual(['CUP 1', 'POT 1'])
})

test('a customer’s cart that was not paid for opens again, or goes into the one opened meanwhile', async () => {
  const first = await owner([{ sku: 'CUP', quantity: 1 }])
  const place = (cart: Cart, paymentMethod: string) =>
    asOwner('post', `/v1/carts/${cart.id}/order`, orderBody(cart, paymentMethod))
  expect((await place(first, 'test_decline')).status).toBe(402)
  expect(await statusOf(first.id)).toBe('open owned')
  expect((await place(first, 'test_timeout_uncharged')).status).toBe(201)
  const guest = await openCart(cell, [{ sku: 'CUP', quantity: 2 }])
  expect(await merged(customer, guest)).toBe(guest.id)
  nowMs += 60_000
  await reconcile(cell)
  expect(await statusOf(first.id)).toBe('merged owned')
  expect(await statusOf(guest.id)).toBe('open owned')
  expect(await linesIn(guest.id)).toEqual(['CUP 3'])
})
