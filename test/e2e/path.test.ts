/** The whole path through real parts: browse at the edge, buy in the cell, change a price and see it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { walkDemo } from '../../scripts/support/demo-path.ts'
import { ProblemError } from '../../shared/client/errors.ts'
import { queryRows } from '../support/database.ts'
import { IN_GERMANY, startSystem, type TestSystem } from '../support/system.ts'

let system: TestSystem

beforeAll(async () => {
  system = await startSystem({ edges: 2, cell: { LOG_LEVEL: 'debug' } })
})
afterAll(() => system.close())

test('every step of the demo holds, and one order is one row that is paid once', async () => {
  const { edgeUrl, tokens, databaseUrl } = system
  const steps = await walkDemo({ baseUrl: edgeUrl, staffToken: tokens.staff })
  expect(steps.filter(({ fault }) => fault !== null)).toEqual([])
  expect(steps.length).toBeGreaterThan(15)
  const orders = await queryRows(databaseUrl, 'select state from "order"')
  expect(orders).toEqual([{ state: 'confirmed' }])
  const charges = await queryRows(
    databaseUrl,
    'select count(*)::int as charges from test_provider_charge',
  )
  expect(charges).toEqual([{ charges: 1 }])
})

describe('a cached read', () => {
  const path = '/v1/products?market=de&limit=5'

  test('is filled once and then a hit, and a 304 carries no body', async () => {
    const url = `${system.edgeUrl}${path}&sort=price`
    const first = await fetch(url)
    expect(first.headers.get('cache-status')).toBe('tradewind; fwd=miss; stored')
    const second = await fetch(url)
    expect(second.headers.get('cache-status')).toMatch(/^tradewind; hit/)
    expect(await second.text()).toBe(await first.text())
    const etag = first.headers.get('etag')!
    expect(etag).toMatch(/^"[^"]+"$/)
    const known = await fetch(url, { headers: { 'if-none-match': etag } })
    expect(known.status).toBe(304)
    expect(await known.text()).toBe('')
    const other = await fetch(url, { headers: { 'if-none-match': '"other"' } })
    expect(other.status).toBe(200)
  })

  test('answers HEAD with the headers of GET and nothing else', async () => {
    const [get, head] = await Promise.all([
      fetch(system.edgeUrl + path),
      fetch(system.edgeUrl + path, { method: 'HEAD' }),
    ])
    expect(head.status).toBe(200)
    expect(head.headers.get('etag')).toBe(get.headers.get('etag'))
    expect(await head.text()).toBe('')
  })

  test('has one entry, whatever the order of its query and what nobody declared', async () => {
    await fetch(`${system.edgeUrl}/v1/products?market=de&limit=7`)
    const other = await fetch(`${system.edgeUrl}/v1/products?utm_source=x&limit=7&market=de`)
    expect(other.headers.get('cache-status')).toMatch(/^tradewind; hit/)
  })

  test('follows the country and the language of its shopper', async () => {
    const german = await fetch(`${system.edgeUrl}/v1/products?limit=1`, { headers: IN_GERMANY })
    const american = await fetch(`${system.edgeUrl}/v1/products?limit=1`, {
      headers: { 'MF-CF-Blob': JSON.stringify({ country: 'US' }) },
    })
    const currencyOf = async (response: Response) =>
      ((await response.json()) as { items: { priceFrom: { currency: string } }[] }).items[0]!
        .priceFrom.currency
    expect(await currencyOf(german)).toBe('EUR')
    expect(await currencyOf(american)).toBe('USD')
  })
})

test('a price changed at one edge is never older at another, for whoever carries the position', async () => {
  const [here, there] = system.edgeUrls as [string, string]
  const staff = system.client({ baseUrl: here, token: system.tokens.staff })
  const list = await staff.catalog.listProducts({ query: { market: 'de', limit: 1 } })
  const { handle } = list.items[0]!
  const read = { params: { handle }, query: { market: 'de' } }
  for (const baseUrl of [here, there]) await system.client({ baseUrl }).catalog.getProduct(read)
  const before = await staff.catalog.getProduct(read)
  const { sku, price } = before.variants[0]!
  for (let change = 1; change <= 10; change += 1) {
    const amountMinor = price.amountMinor + change
    await staff.catalog.setPrices({ params: { sku }, body: { prices: { EUR: amountMinor } } })
    for (const baseUrl of [there, here]) {
      const reader = system.client({ baseUrl, position: staff.position! })
      const product = await reader.catalog.getProduct(read)
      expect(product.variants[0]!.price.amountMinor).toBe(amountMinor)
    }
  }
})

test('the state of stock that a shopper sees follows the orders', async () => {
  const staff = system.client({ token: system.tokens.staff })
  const { items } = await staff.catalog.listProducts({ query: { market: 'de', limit: 30 } })
  const { handle } = items.find(({ availability }) => availability === 'in_stock')!
  const read = { params: { handle }, query: { market: 'de' } }
  const { variants } = await staff.catalog.getProduct(read)
  const { sku } = variants[0]!
  await staff.inventory.setStock({ params: { sku }, body: { available: 0 } })
  await expect
    .poll(async () => (await staff.catalog.getProduct(read)).variants[0]!.availability, {
      timeout: 10_000,
    })
    .toBe('out_of_stock')
})

describe('a cart', () => {
  test('is known to its holder alone, and its secret is in no log', async () => {
    const shopper = system.client()
    const { cart, secret } = await shopper.carts.createCart({ body: { market: 'de' } })
    const params = { cartId: cart.id }
    expect((await shopper.carts.getCart({ params, cartSecret: secret })).id).toBe(cart.id)
    const other = await shopper.carts.createCart({ body: { market: 'de' } })
    for (const cartSecret of [undefined, 'guessed', other.secret]) {
      const read = shopper.carts.getCart({ params, cartSecret })
      await expect(read).rejects.toMatchObject({ code: 'cart.unknown', status: 404 })
    }
    expect(system.log()).toContain('cart.unknown')
    for (const told of [secret, other.secret, 'guessed']) expect(system.log()).not.toContain(told)
  })

  test('of a cell that does not exist is unknown', async () => {
    const cartId = `cart_mars_${'0'.repeat(32)}`
    const read = system.client().carts.getCart({ params: { cartId }, cartSecret: 'x'.repeat(43) })
    await expect(read).rejects.toBeInstanceOf(ProblemError)
    await expect(read).rejects.toMatchObject({ status: 404 })
  })
})
