/** A cell that is gone: cached reads go on and say so, writes say when to come back, and nothing is lost. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { FEED_STALE_MS_MAX } from '../../shared/freshness/feed.ts'
import { queryRows } from '../support/database.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

let system: TestSystem

beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system.close())

const address = {
  name: 'Ada',
  line1: 'Hauptstraße 1',
  city: 'Berlin',
  postalCode: '10115',
  country: 'DE',
}

test('kill -9 of the cell: reads go on, writes wait, and a restart continues where it was', async () => {
  const url = `${system.edgeUrl}/v1/products?market=de&limit=5`
  const warm = await (await fetch(url)).text()
  const shopper = system.client()
  const { sku } = await buyable()
  const lines = [{ sku, quantity: 1 }]
  const { cart, secret } = await shopper.carts.createCart({ body: { market: 'de', lines } })

  await system.stopCell('SIGKILL')
  // Past this age an answer that could not be checked must say that it is stale.
  const stale = await vi.waitFor(
    async () => {
      const response = await fetch(url)
      expect(response.headers.get('cache-status')).toContain('fwd=stale')
      return response
    },
    { timeout: FEED_STALE_MS_MAX + 15_000, interval: 200 },
  )
  expect(stale.status).toBe(200)
  expect(stale.headers.get('cache-status')).toBe('tradewind; hit; fwd=stale')
  expect(await stale.text()).toBe(warm)

  const unread = await fetch(`${system.edgeUrl}/v1/products/never-read-before?market=de`)
  expect(unread.status).toBe(503)
  expect(unread.headers.get('retry-after')).toMatch(/^\d+$/)

  const order = {
    params: { cartId: cart.id },
    cartSecret: secret,
    idempotencyKey: crypto.randomUUID(),
    body: {
      expectedTotalMinor: cart.totals.totalMinor,
      paymentMethod: 'test_accept' as const,
      email: 'ada@example.com',
      shippingAddress: address,
    },
  }
  const refused = shopper.orders.placeOrder(order)
  await expect(refused).rejects.toMatchObject({ code: 'cell.unavailable', status: 503 })

  await system.startCell()
  const placed = await shopper.orders.placeOrder(order)
  expect(placed.state).toBe('confirmed')
  expect(placed.lines[0]!.sku).toBe(sku)
  const orders = await queryRows(system.databaseUrl, 'select id from "order"')
  expect(orders).toEqual([{ id: placed.id }])

  await vi.waitFor(
    async () => {
      const fresh = await fetch(url)
      expect(fresh.headers.get('cache-status')).not.toContain('fwd=stale')
      expect(fresh.status).toBe(200)
    },
    { timeout: 15_000, interval: 200 },
  )
})

test('who knows better than the stale copy is told to come back, not shown the older answer', async () => {
  const staff = system.client({ token: system.tokens.staff })
  const { handle, sku } = await buyable()
  const read = { params: { handle }, query: { market: 'de' } }
  await staff.catalog.getProduct(read)
  // Written past the edge's cache, so its copy is older than the position of the one who wrote.
  await staff.catalog.setPrices({ params: { sku }, body: { prices: { EUR: 7_777 } } })
  await system.stopCell('SIGKILL')
  const known = staff.catalog.getProduct(read)
  await expect(known).rejects.toMatchObject({ code: 'cell.unavailable', status: 503 })
  await system.startCell()
  const patient = system.client({ position: staff.position!, retries: {} })
  const { variants } = await patient.catalog.getProduct(read)
  expect(variants.find((variant) => variant.sku === sku)!.price.amountMinor).toBe(7_777)
})

async function buyable(): Promise<{ handle: string; sku: string }> {
  const client = system.client()
  const query = { market: 'de', limit: 50 }
  const { items } = await client.catalog.listProducts({ query })
  const { handle } = items.find(({ availability }) => availability === 'in_stock')!
  const product = await client.catalog.getProduct({ params: { handle }, query: { market: 'de' } })
  const { sku } = product.variants.find(({ availability }) => availability === 'in_stock')!
  return { handle, sku }
}
