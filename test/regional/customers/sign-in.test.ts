/** A customer from sign-in on, as a shop calls it: their cart, and the prices of the group they are put into. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cart } from '../../../shared/contracts/carts.ts'
import type { SignedIn } from '../../../shared/contracts/identity.ts'
import type { PriceList } from '../../../shared/contracts/price-lists.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { addCustomer, type TestCustomer } from '../../support/customers.ts'
import { accessToken } from '../../support/keys.ts'
import { openCart, openShop } from '../../support/shop.ts'

const password = randomBytes(16).toString('base64url')

let cell: TestCell
let customer: TestCustomer
let staff: string

beforeAll(async () => {
  cell = await startTestCell()
  staff = await accessToken()
  await openShop(cell, [{ sku: 'CUP', prices: { EUR: 1_000 } }, { sku: 'POT' }])
  customer = await addCustomer(cell, { password })
})
afterAll(() => cell.close())

async function ok<T>(response: Promise<Response>): Promise<T> {
  const got = await response
  if (!got.ok) throw new Error(await got.text())
  return (await got.json()) as T
}

async function signedIn(cart?: { id: string; secret: string }): Promise<SignedIn> {
  const body = { email: customer.email, password, ...(cart && { cart }) }
  return await ok<SignedIn>(cell.call('post', '/v1/sessions', { body }))
}

const myCart = (token: string) => cell.call('get', '/v1/me/cart', { token })

async function asStaff<T>(method: string, path: string, body: object): Promise<T> {
  return await ok<T>(cell.call(method, `/v1/staff${path}`, { token: staff, body }))
}

test('what a guest put into a cart is in the customer’s after every sign-in', async () => {
  const first = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
  const signed = await signedIn({ id: first.id, secret: first.secret })
  expect(signed.cartId).toBe(first.id)
  const second = await openCart(cell, [{ sku: 'POT', quantity: 2 }])
  const again = await signedIn({ id: second.id, secret: second.secret })
  expect(again.cartId).toBe(first.id)
  expect((await signedIn({ id: second.id, secret: 'wrong' })).cartId).toBe(first.id)
  const { lines } = await ok<Cart>(myCart(again.accessToken))
  expect(lines.map(({ sku, quantity }) => `${sku} ${quantity}`)).toEqual(['CUP 1', 'POT 2'])
})

test('a customer who is put into a group sees its prices after a refresh', async () => {
  const list = { handle: 'trade', name: 'Trade', customerGroup: 'trade' }
  const { id } = await asStaff<PriceList>('post', '/price-lists', list)
  const variants = [{ sku: 'CUP', prices: { EUR: 600 } }]
  await asStaff('put', `/price-lists/${id}/prices`, { variants })
  await asStaff('put', '/customer-groups/trade', { name: 'Trade' })
  const signed = await signedIn()
  const priceOf = async (token: string) =>
    (await ok<Cart>(myCart(token))).lines.find(({ sku }) => sku === 'CUP')!.unitPriceMinor
  expect(await priceOf(signed.accessToken)).toBe(1_000)
  await asStaff('put', `/customers/${customer.id}/group`, { group: 'trade' })
  const status = async () => (await myCart(signed.accessToken)).status
  await expect.poll(status, { timeout: 5_000 }).toBe(401)
  const { refreshToken } = signed
  const path = '/v1/sessions/refresh'
  const next = await ok<SignedIn>(cell.call('post', path, { body: { refreshToken } }))
  expect(await priceOf(next.accessToken)).toBe(600)
})

test('an account that was closed neither refreshes nor signs in', async () => {
  const { refreshToken } = await signedIn()
  await asStaff('post', `/customers/${customer.id}/deactivate`, {})
  const path = '/v1/sessions/refresh'
  expect((await cell.call('post', path, { body: { refreshToken } })).status).toBe(401)
  const body = { email: customer.email, password }
  expect((await cell.call('post', '/v1/sessions', { body })).status).toBe(401)
})
