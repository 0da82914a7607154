/** Filled carts, the requests that order them, and what those orders send to the database. */

import { randomUUID } from 'node:crypto'
import { createApp } from '../../regional/app.ts'
import { modules } from '../../regional/modules/index.ts'
import { openServices } from '../../regional/open-services.ts'
import type { Database } from '../../regional/platform/database.ts'
import { HEADERS } from '../../shared/headers.ts'
import { signRequest } from '../support/keys.ts'
import { testConfig } from '../support/services.ts'
import { Recorder, type Recording } from './recorded.ts'
import { LOCALE, MARKET, PRODUCTS, skuOf } from './shop.ts'
import type { PlainRequest } from './signed-requests.ts'
import { POOL_MAX } from './stage.ts'

const LINES = 3
const CONTEXT = `request="bench", market="${MARKET}", locale="${LOCALE}", country="DE"`

/** The request that places one order, not yet signed. */
export type OrderRequest = Omit<PlainRequest, 'host'> & { body: string }

/** Opens so many carts of three lines each; their SKUs are spread over the whole shop. */
export async function openCarts(databaseUrl: string, count: number): Promise<OrderRequest[]> {
  const cell = cellOn(databaseUrl)
  try {
    return await concurrently(count, (index) => openCart(cell.ask, index))
  } finally {
    await cell.db.close()
  }
}

/** Places the orders on a database of its own and records what each of them sends. */
export async function recordOrders(
  databaseUrl: string,
  requests: readonly OrderRequest[],
): Promise<Recording[]> {
  const recorder = new Recorder()
  const cell = cellOn(databaseUrl, recorder)
  try {
    return await concurrently(requests.length, (index) =>
      recorder.record(async () => {
        await cell.ask(requests[index]!)
      }),
    )
  } finally {
    await cell.db.close()
  }
}

type Ask = (request: Omit<PlainRequest, 'host'>) => Promise<unknown>

async function openCart(ask: Ask, index: number): Promise<OrderRequest> {
  const lines = Array.from({ length: LINES }, (_, line) => ({
    sku: skuOf((index * 7 + line * 61) % PRODUCTS, index % 4),
    quantity: 1 + line,
  }))
  const opened = (await ask({
    method: 'POST',
    path: '/v1/carts',
    headers: { [HEADERS.context]: CONTEXT, [HEADERS.idempotencyKey]: randomUUID() },
    body: JSON.stringify({ market: MARKET, locale: LOCALE, lines }),
  })) as { cart: { id: string; totals: { totalMinor: number } }; secret: string }
  const { cart, secret } = opened
  return {
    method: 'POST',
    path: `/v1/carts/${cart.id}/order`,
    headers: {
      [HEADERS.context]: CONTEXT,
      [HEADERS.idempotencyKey]: randomUUID(),
      [HEADERS.cartSecret]: secret,
    },
    body: JSON.stringify({
      expectedTotalMinor: cart.totals.totalMinor,
      paymentMethod: 'test_accept',
      email: 'buyer@example.com',
      shippingAddress: {
        name: 'Erika Mustermann',
        line1: 'Heidestraße 17',
        city: 'Köln',
        postalCode: '51147',
        country: 'DE',
      },
    }),
  }
}

/** The cell's application in this process. */
function cellOn(databaseUrl: string, recorder?: Recorder): { db: Database; ask: Ask } {
  const seen = recorder && { onStatement: recorder.onStatement }
  const services = openServices(testConfig(databaseUrl), { ...seen })
  const app = createApp(services, modules)
  return {
    db: services.db,
    ask: async ({ method, path, headers, body }) => {
      const url = `http://cell.test${path}`
      const signed = signRequest({ method, url, headers: new Headers(headers), body })
      const response = await app.request(url, { method, headers: signed, body: body ?? null })
      if (response.status !== 201) throw new Error(`${path}: ${await response.text()}`)
      return await response.json()
    },
  }
}

/** Runs the work of every index, as many at once as there are connections. */
async function concurrently<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async () => {
    while (next < count) {
      const index = next
      next += 1
      results[index] = await work(index)
    }
  }
  await Promise.all(Array.from({ length: POOL_MAX }, worker))
  return results
}
