/** The typed client in a real browser, from another origin than the edge's: what CORS lets through is enough. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Browser, CDPSession, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ROOT } from '../../scripts/support/state.ts'
import type { createClient } from '../../shared/client/create-client.ts'
import type { ProblemError } from '../../shared/client/errors.ts'
import { launchBrowser } from '../support/browser.ts'
import { queryRows } from '../support/database.ts'
import { ADDRESS } from '../support/shop.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

/** What the page gives its scripts. */
interface Shop {
  createClient: typeof createClient
  ProblemError: typeof ProblemError
}

const PAGE = `<!doctype html><title>shop</title><link rel="icon" href="data:,"><script type="module">
  import { createClient } from '/shared/client/create-client.ts'
  import { ProblemError } from '/shared/client/errors.ts'
  globalThis.shop = { createClient, ProblemError }
</script>`

let system: TestSystem
let server: Server
let browser: Browser
let page: Page
let cdp: CDPSession
let origin: string
/** Modules that the page asked its own server for. */
const modules: string[] = []
/** `PUT /v1/…` of each preflight, with the headers it asked for. */
const preflights: { request: string; headers: string }[] = []
const complaints: string[] = []

beforeAll(async () => {
  system = await startSystem()
  server = createServer((request, response) => {
    serve(request.url ?? '').then(
      ({ type, body }) => response.setHeader('content-type', type).end(body),
      () => response.writeHead(404).end(),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  server?.close()
  await system?.close()
})

beforeEach(async () => {
  for (const noted of [modules, preflights, complaints]) noted.length = 0
  page = await browser.newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  cdp = await page.context().newCDPSession(page)
  await cdp.send('Network.enable')
  cdp.on('Network.requestWillBeSent', ({ request }) => {
    if (request.method !== 'OPTIONS') return
    const asked = new Headers(request.headers as Record<string, string>)
    preflights.push({
      request: `${asked.get('access-control-request-method')} ${new URL(request.url).pathname}`,
      headers: asked.get('access-control-request-headers') ?? '',
    })
  })
  await page.goto(origin)
  await page.waitForFunction(() => 'shop' in globalThis)
  return () => page.close()
})

/** The page, and the client's modules as they stand, with their types taken away: a browser needs no bundle of it. */
async function serve(path: string): Promise<{ type: string; body: string }> {
  if (path === '/') return { type: 'text/html', body: PAGE }
  if (!/^\/shared\/[\w./-]+\.ts$/.test(path)) throw new Error('not a module of the client')
  modules.push(path)
  const source = await readFile(join(ROOT, path), 'utf8')
  return { type: 'text/javascript', body: stripTypeScriptTypes(source) }
}

test('a shopper lists, opens, fills a cart, is declined with a typed error, and buys', async () => {
  const walked = await page.evaluate(
    async ({ baseUrl, shippingAddress }) => {
      const { createClient, ProblemError } = (globalThis as unknown as { shop: Shop }).shop
      const seen: { id: string; position: string | null; cacheStatus: string | null }[] = []
      const client = createClient({
        baseUrl,
        market: 'de',
        onResponse: ({ id, headers, cacheStatus }) => {
          seen.push({ id, position: headers.get('tradewind-position'), cacheStatus })
        },
      })
      const { items } = await client.catalog.listProducts({ query: { limit: 50 } })
      const card = items.find(({ availability }) => availability === 'in_stock')!
      const product = await client.catalog.getProduct({ params: { handle: card.handle } })
      const { sku } = product.variants.find(({ availability }) => availability === 'in_stock')!
      const { cart, secret } = await client.carts.createCart({ body: { market: 'de' } })
      const held = { params: { cartId: cart.id }, cartSecret: secret }
      const lines = [{ sku, quantity: 2 }]
      const { totals } = await client.carts.addLines({ ...held, body: { lines } })
      const body = {
        expectedTotalMinor: totals.totalMinor,
        email: 'ada@example.com',
        shippingAddress,
      }
      const declined = await client.orders
        .placeOrder({ ...held, body: { ...body, paymentMethod: 'test_decline' } })
        .catch((error: unknown) => error)
      if (!(declined instanceof ProblemError)) throw new Error('not a typed error')
      const order = await client.orders.placeOrder({
        ...held,
        body: { ...body, paymentMethod: 'test_accept' },
      })
      const { code, status, requestId, extensions } = declined
      const refusal = { code, status, requestId, orderId: extensions.orderId }
      return { seen, refusal, order, position: client.position }
    },
    { baseUrl: system.edgeUrl, shippingAddress: ADDRESS },
  )

  const { seen, refusal, order } = walked
  expect(refusal).toMatchObject({ code: 'payment.declined', status: 402 })
  expect(refusal.requestId).toMatch(/^[0-9a-f-]{36}$/)
  expect(order.state).toBe('confirmed')
  expect(order.lines).toMatchObject([{ quantity: 2 }])
  const text = 'select id, state from "order" order by placed_at'
  expect(await queryRows(system.databaseUrl, text)).toEqual([
    { id: refusal.orderId, state: 'payment_failed' },
    { id: order.id, state: 'confirmed' },
  ])
  expect(seen.map(({ id }) => id).slice(0, 2)).toEqual([
    'catalog.listProducts',
    'catalog.getProduct',
  ])
  for (const { cacheStatus } of seen) expect(cacheStatus).toMatch(/^tradewind; /)
  expect(seen[0]!.position).toMatch(/^catalogue=\d+;h=/)
  expect(walked.position).toBe(seen[1]!.position)
  expect(complaints).toEqual([])
})

test('what a script may not send unasked is asked for, and only the client’s modules are loaded', async () => {
  await page.evaluate(async (baseUrl) => {
    const { createClient } = (globalThis as unknown as { shop: Shop }).shop
    const client = createClient({ baseUrl, market: 'de' })
    await client.catalog.listMarkets()
    await client.catalog.listCategories()
    const { cart, secret } = await client.carts.createCart({ body: {} })
    await client.carts.getCart({ params: { cartId: cart.id }, cartSecret: secret })
  }, system.edgeUrl)
  // A guest's read carries nothing that needs a preflight, its position neither: a page costs one round trip.
  expect(preflights.map(({ request }) => request)).not.toContain('GET /v1/markets')
  expect(preflights.map(({ request }) => request)).not.toContain('GET /v1/categories')
  const create = preflights.find(({ request }) => request === 'POST /v1/carts')!
  expect(create.headers.split(',').sort()).toEqual(['content-type', 'idempotency-key'])
  expect(preflights.some(({ headers }) => headers.includes('tradewind-cart-secret'))).toBe(true)
  expect(modules.filter((path) => path.startsWith('/shared/contracts/'))).toEqual([
    '/shared/contracts/facts.generated.ts',
  ])
  expect(complaints).toEqual([])
})

test('staff see the price they have just set, because the page may read the position', async () => {
  const prices = await page.evaluate(
    async ({ baseUrl, token }) => {
      const { createClient } = (globalThis as unknown as { shop: Shop }).shop
      const client = createClient({ baseUrl, token, market: 'de' })
      const { items } = await client.catalog.listProducts({ query: { limit: 1 } })
      const read = { params: { handle: items[0]!.handle } }
      const { sku } = (await client.catalog.getProduct(read)).variants[0]!
      const shown: number[] = []
      for (const amountMinor of [4_321, 4_322, 4_323]) {
        await client.catalog.setPrices({ params: { sku }, body: { prices: { EUR: amountMinor } } })
        const { variants } = await client.catalog.getProduct(read)
        shown.push(variants.find((variant) => variant.sku === sku)!.price.amountMinor)
      }
      return shown
    },
    { baseUrl: system.edgeUrl, token: system.tokens.staff },
  )
  expect(prices).toEqual([4_321, 4_322, 4_323])
  const put = preflights.find(({ request }) => request.startsWith('PUT /v1/staff/variants/'))
  expect(put?.headers).toContain('authorization')
})

test('a bad request from a page is a typed error with the field at fault', async () => {
  const refused = await page.evaluate(async (baseUrl) => {
    const { createClient, ProblemError } = (globalThis as unknown as { shop: Shop }).shop
    const client = createClient({ baseUrl, market: 'nowhere' })
    const error = await client.catalog.listProducts().catch((reason: unknown) => reason)
    return error instanceof ProblemError && { code: error.code, errors: error.errors }
  }, system.edgeUrl)
  expect(refused).toMatchObject({ code: 'market.unknown', errors: [{ pointer: '/market' }] })
})
