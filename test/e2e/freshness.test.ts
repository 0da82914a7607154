/** The freshness protocol and the edge's manners, in real workerd before a real cell. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EdgeHealth } from '../../edge/counters.ts'
import type { Product, StaffProduct } from '../../shared/contracts/catalog.ts'
import { parsePosition } from '../../shared/freshness/position.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

let system: TestSystem
let here: string
let there: string

beforeAll(async () => {
  system = await startSystem({ edges: 2 })
  ;[here, there] = system.edgeUrls as [string, string]
})
afterAll(() => system?.close())

interface Call {
  edge?: string
  method?: string
  position?: string | null
  /** Each test is a client of its own, whose budget no other test has used. */
  client?: string
  headers?: Record<string, string>
  body?: unknown
}

let clients = 0
let client = ''

/** A new client's address (RFC 5737). */
function arrive(): void {
  clients += 1
  client = `192.0.2.${clients}`
}

async function send(path: string, call: Call = {}): Promise<Response> {
  const { edge = here, method = 'GET', position, body } = call
  const headers = new Headers({ 'cf-connecting-ip': call.client ?? client, ...call.headers })
  if (position) headers.set('tradewind-position', position)
  if (body !== undefined) headers.set('content-type', 'application/json')
  return await fetch(edge + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

/** A staff write that must succeed: its value and its position. */
async function write<T>(method: string, path: string, body?: unknown, edge = here) {
  const headers = {
    authorization: `Bearer ${system.tokens.staff}`,
    'idempotency-key': crypto.randomUUID(),
  }
  const response = await send(`/v1/staff${path}`, { method, headers, body, edge })
  expect(response.ok, await response.clone().text()).toBe(true)
  const position = positionOf(response)
  expect(position).not.toBeNull()
  return { value: (await response.json()) as T, position: position! }
}

function positionOf(response: Response): string | null {
  return response.headers.get('tradewind-position')
}

function statusOf(response: Response): string | null {
  return response.headers.get('cache-status')
}

let products = 0

/** A product on sale that no test has seen. */
async function newProduct(): Promise<{ id: string; handle: string; sku: string; path: string }> {
  products += 1
  const handle = `fresh-${products}`
  const sku = `FRESH-${products}`
  const created = await write<StaffProduct>('POST', '/products', {
    handle,
    translations: { en: { name: `Fresh ${products}` } },
    variants: [{ sku, prices: { EUR: 1_000, USD: 1_000 }, available: 9 }],
  })
  return { id: created.value.id, handle, sku, path: `/v1/products/${handle}?market=de&locale=en` }
}

async function publish(id: string): Promise<string> {
  return (await write('POST', `/products/${id}/publish`)).position
}

async function setPrice(sku: string, amountMinor: number, edge = here): Promise<string> {
  const body = { prices: { EUR: amountMinor } }
  return (await write('PUT', `/variants/${sku}/prices`, body, edge)).position
}

async function priceIn(response: Response): Promise<number> {
  expect(response.status).toBe(200)
  return ((await response.json()) as Product).variants[0]!.price.amountMinor
}

async function health(edge = here): Promise<EdgeHealth> {
  return (await (await send('/health/edge', { edge })).json()) as EdgeHealth
}

describe('a reader’s own write', () => {
  test('is in the very next read, at every edge, by header or by query', async () => {
    arrive()
    const { id, sku, path } = await newProduct()
    const published = await publish(id)
    for (const edge of [here, there]) {
      expect(await priceIn(await send(path, { edge, position: published }))).toBe(1_000)
      expect(statusOf(await send(path, { edge }))).toMatch(/^tradewind; hit/)
    }
    const changed = await setPrice(sku, 1_234)
    expect(await priceIn(await send(path, { position: changed }))).toBe(1_234)
    const query = `${path}&position=${encodeURIComponent(changed)}`
    const elsewhere = await send(query, { edge: there })
    expect(await priceIn(elsewhere)).toBe(1_234)
    const again = await send(path, { edge: there })
    expect(statusOf(again), 'the position is in no key').toMatch(/^tradewind; hit/)
  })

  test('replaces the cached answer that there was nothing', async () => {
    arrive()
    const { id, path } = await newProduct()
    for (const edge of [here, there]) {
      for (const expected of [/fwd=miss/, /; hit/]) {
        const missing = await send(path, { edge })
        expect(missing.status).toBe(404)
        expect(missing.headers.get('content-type')).toBe('application/problem+json')
        expect(statusOf(missing)).toMatch(expected)
        expect(positionOf(missing)).toMatch(/^catalogue=\d+;h=\w+$/)
      }
    }
    const position = await publish(id)
    for (const edge of [here, there]) {
      expect((await send(path, { edge, position })).status).toBe(200)
    }
    const retired = await write('POST', `/products/${id}/retire`)
    for (const edge of [here, there]) {
      expect((await send(path, { edge, position: retired.position })).status).toBe(404)
    }
  })

  test('that changed nothing the answer shows renews it by 304, with the same bytes', async () => {
    arrive()
    const { id, sku, path } = await newProduct()
    const before = await send(path, { position: await publish(id) })
    const position = await setPrice(sku, 1_000)
    const other = await write('PUT', `/variants/${sku}/prices`, { prices: { USD: 2_000 } })
    const after = await send(path, { position: other.position })
    expect(statusOf(after)).toMatch(/hit|fwd-status=304/)
    expect(after.headers.get('etag')).toBe(before.headers.get('etag'))
    expect(await after.text()).toBe(await before.text())
    expect(position).toMatch(/^catalogue=/)
  })
})

test('readers that move between edges never see a price go back while it is being changed', async () => {
  arrive()
  const { id, sku, path } = await newProduct()
  let published = await publish(id)
  let isDone = false
  const writer = (async () => {
    for (let amount = 1_001; amount <= 1_060; amount += 1) {
      published = await setPrice(sku, amount, amount % 2 === 0 ? here : there)
    }
    isDone = true
  })()
  const readers = Array.from({ length: 4 }, async (_, index) => {
    let position: string | null = null
    let newest = 0
    let reads = 0
    for (let turn = index; !isDone; turn += 1) {
      const edge = turn % 2 === 0 ? here : there
      const response = await send(path, { edge, position, client: `198.51.100.${turn % 250}` })
      const price = await priceIn(response)
      expect(price, `read ${reads} of reader ${index}`).toBeGreaterThanOrEqual(newest)
      newest = price
      position = newerOf(position, positionOf(response)!)
      reads += 1
    }
    return reads
  })
  const counts = await Promise.all(readers)
  await writer
  expect(Math.min(...counts)).toBeGreaterThan(10)
  for (const edge of [here, there]) {
    expect(await priceIn(await send(path, { edge, position: published }))).toBe(1_060)
  }
})

/** Within a history a client keeps the greater. */
function newerOf(known: string | null, given: string): string {
  const one = parsePosition(known, 'catalogue')
  const other = parsePosition(given, 'catalogue')!
  return one !== null && one.history === other.history && one.n > other.n ? known! : given
}

/** Many more than a burst of them. */
const ONE_BY_ONE_MAX = 200

describe('positions that nobody was given', () => {
  test('force only so many polls a client, and cost nobody else an answer', async () => {
    arrive()
    const { id, path } = await newProduct()
    const honest = await publish(id)
    await send(path, { position: honest })
    const before = await health()
    const beganAtMs = Date.now()
    const statuses = new Map<number, number>()
    for (let batch = 0; batch < 20; batch += 1) {
      const forged = Array.from({ length: 50 }, (_, index) => {
        const position = `catalogue=${9_000_000 + batch * 50 + index};h=${index % 2 ? 'hforged' : historyOf(honest)}`
        return send(path, { position })
      })
      for (const { status } of await Promise.all(forged)) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }
    const seconds = (Date.now() - beganAtMs) / 1_000
    const after = await health()
    // A burst and a rate, and beside them the polls that happen anyway.
    expect(after.feed.polls - before.feed.polls).toBeLessThanOrEqual(
      20 + 2 * seconds + 4 * seconds + 2,
    )
    expect([...statuses.keys()].filter((status) => status !== 200 && status !== 429)).toEqual([])

    // Those who came together shared their polls; one after another each costs one, faster than the budget grows.
    let limited = await send(path, { position: 'catalogue=9999999;h=hforged' })
    for (let asked = 0; limited.status === 200 && asked < ONE_BY_ONE_MAX; asked += 1) {
      limited = await send(path, { position: `catalogue=${9_100_000 + asked};h=hforged` })
    }
    expect(limited.status).toBe(429)
    expect((await health()).counters.limited).toBeGreaterThan(before.counters.limited)
    expect(limited.headers.get('retry-after')).toMatch(/^\d+$/)
    expect((await send(path)).status).toBe(200)
    arrive()
    expect((await send(path, { position: honest })).status).toBe(200)
    expect((await send(path, { position: 'catalogue=9999999;h=hforged' })).status).toBe(200)
  })

  test('that are malformed are as good as none', async () => {
    arrive()
    const { id, path } = await newProduct()
    await send(path, { position: await publish(id) })
    const before = await health()
    for (const position of [
      'catalogue=1',
      'x'.repeat(2_000),
      'catalogue=9e9;h=h',
      'catalogue=1;h=h1;x',
    ]) {
      const response = await send(path, { position })
      expect(statusOf(response)).toMatch(/^tradewind; hit/)
    }
    expect((await health()).feed.forcedPolls).toBe(before.feed.forcedPolls)
  })

  test('do not keep a page’s many requests at once from an honest client', async () => {
    arrive()
    const { id, sku, path } = await newProduct()
    await publish(id)
    const position = await setPrice(sku, 4_321)
    const page = Array.from({ length: 60 }, () => send(path, { edge: there, position }))
    for (const response of await Promise.all(page)) expect(await priceIn(response)).toBe(4_321)
  })
})

function historyOf(position: string): string {
  return parsePosition(position, 'catalogue')!.history
}

test('the counters say where answers came from', async () => {
  arrive()
  const { id, path } = await newProduct()
  const position = await publish(id)
  const before = await health()
  await send(path, { position })
  await send(path)
  const { headers } = await send(path)
  await send(path, { headers: { 'if-none-match': headers.get('etag')! } })
  await send('/v1/products/never?market=nowhere')
  await send('/v1/products?limit=0')
  const after = await health()
  const risen = (counter: (of: EdgeHealth) => number) => counter(after) - counter(before)
  expect(risen(({ counters }) => counters.requests)).toBe(6)
  expect(risen(({ reads }) => reads.memoryHits)).toBeGreaterThanOrEqual(3)
  expect(risen(({ reads }) => reads.fills)).toBeGreaterThanOrEqual(2)
  expect(risen(({ counters }) => counters.notModified)).toBe(1)
  expect(after.counters.errors['catalog.listProducts']).toMatchObject({ 'request.invalid': 1 })
  expect(after.feed).toMatchObject({ history: historyOf(position), ageMs: expect.any(Number) })
  expect(after.feed.n).toBeGreaterThanOrEqual(parsePosition(position, 'catalogue')!.n)
  expect(after.memory.entries).toBeGreaterThan(0)
})

describe('every response', () => {
  const paths = [
    '/v1/markets',
    '/v1/products/never',
    '/v1/nothing',
    '/health/edge',
    '/v1/openapi.json',
  ]

  test.each(paths)(
    'of %s is safe to show, readable from any origin, and has an id',
    async (path) => {
      arrive()
      const { headers } = await send(path)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d{8}/)
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('access-control-allow-origin')).toBe('*')
      expect(headers.get('access-control-expose-headers')).toContain('tradewind-position')
      expect(headers.get('tradewind-request-id')).toMatch(/^[0-9a-f-]{36}$/)
      for (const inner of ['tradewind-tags', 'tradewind-stamp', 'tradewind-minimum']) {
        expect(headers.get(inner)).toBeNull()
      }
    },
  )

  test('of a cached read says how it may be kept', async () => {
    arrive()
    const { headers } = await send('/v1/markets')
    expect(headers.get('cache-control')).toBe('no-cache')
    expect(headers.get('etag')).toMatch(/^"[^"]+"$/)
    expect(headers.get('server-timing')).toMatch(/^edge;dur=\d+$/)
    expect(headers.get('tradewind-cell')).toBe('eu')
  })

  test('a preflight allows what our client sends, and asks no cell', async () => {
    arrive()
    const before = await health()
    const asked = {
      origin: 'https://shop.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, idempotency-key, tradewind-position',
    }
    const response = await send('/v1/carts', { method: 'OPTIONS', headers: asked })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('access-control-allow-methods')).toContain('POST')
    const allowed = response.headers.get('access-control-allow-headers')!.split(', ')
    for (const name of asked['access-control-request-headers'].split(', ')) {
      expect(allowed).toContain(name)
    }
    expect(response.headers.get('access-control-max-age')).toMatch(/^\d+$/)
    expect((await health()).counters.forwards).toBe(before.counters.forwards)
  })
})

describe('without the cell', () => {
  test('what was read stays readable, also for who has seen everything in it; pages say when to come back', async () => {
    arrive()
    const one = await newProduct()
    const other = await newProduct()
    const readOne = await send(one.path, { position: await publish(one.id) })
    const readOther = await send(other.path, { position: await publish(other.id) })
    const seen = positionOf(readOther)!
    await readOne.arrayBuffer()
    await system.stopCell()
    try {
      await expect
        .poll(async () => statusOf(await send(one.path)), { timeout: 15_000 })
        .toBe('tradewind; hit; fwd=stale')
      expect((await send(one.path, { position: seen })).status).toBe(200)
      const forged = await send(one.path, { position: `catalogue=9999999;h=${historyOf(seen)}` })
      expect(forged.status).toBe(503)
      for (const path of ['/v1/openapi.json', '/docs', '/v1/products/unread?market=de']) {
        const response = await send(path)
        expect(response.status, path).toBe(503)
        expect(response.headers.get('retry-after'), path).toMatch(/^\d+$/)
        expect(response.headers.get('content-type'), path).toBe('application/problem+json')
      }
      expect((await send('/health/edge')).status).toBe(200)
    } finally {
      await system.startCell()
    }
    await expect
      .poll(async () => statusOf(await send(one.path)), { timeout: 15_000 })
      .not.toContain('stale')
    const changed = await setPrice(one.sku, 2_222)
    expect(await priceIn(await send(one.path, { position: changed }))).toBe(2_222)
  })
})
