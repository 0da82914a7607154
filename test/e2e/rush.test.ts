/** The rush: two hundred buyers of fifty units at once, some of them impatient, through two edges. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Client, ResponseMeta } from '../../shared/client/create-client.ts'
import { ProblemError } from '../../shared/client/errors.ts'
import type { Order } from '../../shared/contracts/orders.ts'
import { queryRows } from '../support/database.ts'
import { ADDRESS } from '../support/shop.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

const BUYERS = 200
const UNITS = 50
/** Every so many-th buyer sends the order twice at once, with one key. */
const IMPATIENT = 4
/** The reaction, and the time after which an edge asks for changes. */
const SHOWN_MS_MAX = 10_000

let system: TestSystem
let handle: string
let sku: string
const statuses: number[] = []

beforeAll(async () => {
  system = await startSystem({ edges: 2 })
  const staff = system.client({ token: system.tokens.staff, market: 'de' })
  const { items } = await staff.catalog.listProducts({ query: { limit: 50 } })
  for (const item of items) {
    const { variants } = await staff.catalog.getProduct({ params: { handle: item.handle } })
    if (variants.length > 1) continue
    handle = item.handle
    sku = variants[0]!.sku
    break
  }
  await staff.inventory.setStock({ params: { sku }, body: { available: UNITS } })
})
afterAll(() => system?.close())

/** As a browser has it: with the client's own repeats. What the system answered on the way is noted. */
function shopper(index: number): Client {
  const baseUrl = system.edgeUrls[index % system.edgeUrls.length]!
  const onResponse = ({ status }: ResponseMeta) => void statuses.push(status)
  return system.client({ baseUrl, market: 'de', retries: {}, onResponse })
}

/** The orders, or refusals, of one buyer: two for an impatient one. */
async function buy(index: number): Promise<(Order | ProblemError)[]> {
  const client = shopper(index)
  const { cart, secret } = await client.carts.createCart({ body: { market: 'de' } })
  const params = { cartId: cart.id }
  const lines = [{ sku, quantity: 1 }]
  const { totals } = await client.carts.addLines({ params, cartSecret: secret, body: { lines } })
  const order = {
    params,
    cartSecret: secret,
    idempotencyKey: crypto.randomUUID(),
    body: {
      expectedTotalMinor: totals.totalMinor,
      paymentMethod: 'test_accept' as const,
      email: `buyer-${index}@example.com`,
      shippingAddress: ADDRESS,
    },
  }
  // The second copy goes through the other edge.
  const through = index % IMPATIENT === 0 ? [client, shopper(index + 1)] : [client]
  return await Promise.all(through.map((each) => orderOrRefusal(each, order)))
}

type PlaceOrder = Parameters<Client['orders']['placeOrder']>[0]

async function orderOrRefusal(client: Client, order: PlaceOrder): Promise<Order | ProblemError> {
  try {
    return await client.orders.placeOrder(order)
  } catch (error) {
    if (error instanceof ProblemError) return error
    throw error
  }
}

const count = async (from: string, values: unknown[] = []): Promise<number> => {
  const text = `select count(*)::int as rows from ${from}`
  const [row] = await queryRows<{ rows: number }>(system.databaseUrl, text, values)
  return row!.rows
}

test('200 buyers of 50 units make exactly 50 orders, 50 charges, no unit too many and no fault', async () => {
  const ends = await Promise.all(Array.from({ length: BUYERS }, (_, index) => buy(index)))
  const bought = ends.filter(([first]) => !(first instanceof ProblemError))
  expect(bought).toHaveLength(UNITS)
  for (const [first, second] of ends) {
    if (first instanceof ProblemError) {
      expect(first.code).toBe('inventory.insufficient')
      expect(first.extensions.skus).toEqual([sku])
      if (second) expect(second).toMatchObject({ code: 'inventory.insufficient' })
    } else {
      expect(first!.state).toBe('confirmed')
      if (second) expect(second).toEqual(first)
    }
  }
  expect(statuses.length).toBeGreaterThanOrEqual(BUYERS * (3 + 1 / IMPATIENT))
  expect(statuses.filter((status) => status >= 500)).toEqual([])

  expect(await count('"order"')).toBe(UNITS)
  expect(await count(`"order" where state = 'confirmed'`)).toBe(UNITS)
  expect(await count('order_line where sku = $1 and quantity = 1', [sku])).toBe(UNITS)
  expect(await count(`payment where state = 'captured'`)).toBe(UNITS)
  expect(await count('payment')).toBe(UNITS)
  expect(await count(`test_provider_charge where outcome = 'captured'`)).toBe(UNITS)
  expect(await count('test_provider_charge')).toBe(UNITS)
  expect(await count(`cart where status = 'ordered'`)).toBe(UNITS)
  expect(await count(`cart where status = 'open'`)).toBe(BUYERS - UNITS)
})

test('what was charged is what was ordered, and the ledger explains the last unit', async () => {
  const amounts = `select (select sum(total_minor) from "order")::text as ordered,
    (select sum(amount_minor) from test_provider_charge)::text as charged`
  const [sums] = await queryRows<{ ordered: string; charged: string }>(system.databaseUrl, amounts)
  expect(sums!.charged).toBe(sums!.ordered)
  const ledger = `select level.available, sum(movement.quantity)::int as moved,
      count(*) filter (where movement.reason = 'sold')::int as sold
    from stock_level level join stock_movement movement on movement.sku = level.sku
    where level.sku = $1 group by level.available`
  const levels = await queryRows(system.databaseUrl, ledger, [sku])
  expect(levels).toEqual([{ available: 0, moved: 0, sold: UNITS }])
})

test('readers at both edges see it sold out soon after', async () => {
  for (const baseUrl of system.edgeUrls) {
    const reader = system.client({ baseUrl, market: 'de' })
    const shown = async () =>
      (await reader.catalog.getProduct({ params: { handle } })).variants[0]!.availability
    await expect.poll(shown, { timeout: SHOWN_MS_MAX }).toBe('out_of_stock')
  }
})
