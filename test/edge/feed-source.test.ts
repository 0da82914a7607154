/** The feed's source at the edge: a real server in place of the cell, and the Cache API's contract in memory. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cellFeed } from '../../edge/cache/feed-source.ts'
import { type Bindings, readEdgeConfig } from '../../edge/config.ts'
import { answerPlace, type Batch } from '../../shared/freshness/feed.ts'
import { HEADERS } from '../../shared/headers.ts'
import { type SealKey, seal } from '../../shared/signing/seal.ts'
import { FeedModel } from '../shared/freshness/feed-model.ts'
import { coloCache } from './colo-cache.ts'

let feed: FeedModel
let server: Server
let asked: string[]
let answer: (batch: Batch) => Given

/** What the cell answers; sealed for the question that was asked, by the secret that edge and cell share. */
interface Given {
  status: number
  body: string
  question?: string
  key?: SealKey
  /** What becomes of it on its way. */
  onItsWay?: (sealed: string) => string
}

const KEY: SealKey = { keyId: 'k1', secret: new TextEncoder().encode('secret') }

beforeEach(async () => {
  feed = new FeedModel({ n: 100 })
  asked = []
  answer = (batch) => ({ status: 200, body: JSON.stringify(batch) })
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const from = new URL(request.url ?? '', 'http://cell.test').searchParams.get('from')
    const given = answer(feed.batchAfter(from === null ? null : Number(from)))
    const question = given.question ?? String(request.headers[HEADERS.question])
    void seal(given.body, answerPlace(question), [given.key ?? KEY]).then((sealed) => {
      response.writeHead(given.status).end(given.onItsWay?.(sealed) ?? sealed)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  vi.useFakeTimers({ toFake: ['Date'] })
})

afterEach(() => {
  vi.useRealTimers()
  server.closeAllConnections()
  server.close()
})

function sourceOn(cache: Cache, environment: Bindings['ENVIRONMENT'] = 'development') {
  const { port } = server.address() as AddressInfo
  const { defaultCell } = readEdgeConfig({
    CELLS: JSON.stringify({ eu: { url: `http://127.0.0.1:${port}` } }),
    EDGE_SECRETS: '{"eu":"k1:c2VjcmV0"}',
    DEFAULT_CELL: 'eu',
    ENVIRONMENT: 'development',
  })
  return cellFeed(defaultCell, cache, { environment, redis: null })
}

describe('the shared feed', () => {
  it('is asked for once by all the isolates of a colo', async () => {
    const { cache } = coloCache()
    const filled = await sourceOn(cache).shared(null)
    feed.commit('product:a')
    const shared = await sourceOn(cache).shared(null)
    expect(shared.batch).toEqual(filled.batch)
    expect(asked).toHaveLength(1)
  })

  it('takes a copy to be as old as it may be, and never older than its life', async () => {
    const { cache } = coloCache()
    await sourceOn(cache).shared(null)
    vi.advanceTimersByTime(999)
    const { ageMs } = await sourceOn(cache).shared(null)
    expect(ageMs).toBeGreaterThanOrEqual(999)
    vi.advanceTimersByTime(1)
    await sourceOn(cache).shared(null)
    expect(asked).toHaveLength(2)
  })

  it('counts the age of a copy from when this isolate first saw it, though the cache keeps it too long', async () => {
    const { cache, kept } = coloCache()
    await sourceOn(cache).shared(null)
    for (const entry of kept.values()) entry.untilMs = Number.POSITIVE_INFINITY
    const source = sourceOn(cache)
    await source.shared(null)
    vi.advanceTimersByTime(5_000)
    expect((await source.shared(null)).ageMs).toBeGreaterThanOrEqual(5_000)
  })

  it('does without a copy whose age a clock that was set back hides', async () => {
    const { cache } = coloCache()
    await sourceOn(cache).shared(null)
    const source = sourceOn(cache)
    vi.setSystemTime(Date.now() + 700)
    await source.shared(null)
    vi.setSystemTime(Date.now() - 400)
    expect((await source.shared(null)).ageMs).toBe(0)
    expect(asked).toHaveLength(2)
  })

  it('is not shared between cells’ environments', async () => {
    const { cache } = coloCache()
    await sourceOn(cache, 'staging').shared(null)
    await sourceOn(cache, 'production').shared(null)
    expect(asked).toHaveLength(2)
  })

  it('passes over a copy that cannot be read', async () => {
    const { cache, kept } = coloCache()
    await sourceOn(cache).shared(null)
    for (const entry of kept.values()) entry.response = new Response('{"from":1')
    expect((await sourceOn(cache).shared(null)).batch.to).toBe(100)
    expect(asked).toHaveLength(2)
  })

  it.each([
    ['no age', { 'tradewind-copy': 'c1' }],
    ['an age that is no number', { 'tradewind-copy': 'c1', 'tradewind-age-ms': 'young' }],
    ['an age below zero', { 'tradewind-copy': 'c1', 'tradewind-age-ms': '-60000' }],
    ['no name', { 'tradewind-age-ms': '1' }],
  ])('passes over a copy with %s', async (_, headers: Record<string, string>) => {
    const { cache, kept } = coloCache()
    const { batch } = await sourceOn(cache).shared(null)
    for (const entry of kept.values()) entry.response = Response.json(batch, { headers })
    const source = sourceOn(cache)
    const { ageMs } = await source.shared(null)
    expect(ageMs).toBeGreaterThanOrEqual(0)
    expect(asked).toHaveLength(2)
    expect(source.counters).toMatchObject({ sharedCopies: 0, cellFills: 1, cellPolls: 0 })
  })

  it('passes over a copy that no edge of its own has left there', async () => {
    const { cache, kept } = coloCache()
    await sourceOn(cache).shared(null)
    const [address, entry] = [...kept][0]!
    const text = await entry.response.clone().text()
    const forged = { copy: 'c', ageMs: 0, batch: { ...feed.batchAfter(null), from: 0, to: 0 } }
    const guessed = { ...KEY, secret: new TextEncoder().encode('guessed') }
    const poisons = [
      text.replace('"ageMs":', '"ageMs":-'),
      text.slice(text.indexOf('\n') + 1),
      text.slice(0, -3),
      await seal(JSON.stringify(forged), address, [guessed]),
      await seal(JSON.stringify(forged), `${address}/elsewhere`, [KEY]),
    ]
    for (const poison of poisons) {
      asked.length = 0
      kept.set(address, { response: new Response(poison), untilMs: Number.POSITIVE_INFINITY })
      expect((await sourceOn(cache).shared(null)).batch.to).toBe(100)
      expect(asked, poison).toHaveLength(1)
    }
  })

  it('does without a cache that fails', async () => {
    const broken = {
      match: () => Promise.reject(new Error('no cache')),
      put: () => Promise.reject(new Error('no cache')),
    } as unknown as Cache
    expect((await sourceOn(broken).shared(null)).batch.to).toBe(100)
  })
})

describe('the cell’s own answer', () => {
  it('is asked for past the shared copy, from where the reader stands', async () => {
    const { cache } = coloCache()
    const source = sourceOn(cache)
    await source.shared(null)
    feed.commit('product:a')
    expect(await source.direct(100)).toMatchObject({ from: 100, to: 101 })
    expect(asked[1]).toBe('/internal/feed?feed=catalogue&from=100')
  })

  it.each<[string, typeof answer]>([
    [
      'an answer to an earlier question',
      (batch) => ({ status: 200, body: JSON.stringify(batch), question: 'earlier' }),
    ],
    [
      'sealed by somebody else',
      (batch) => {
        const key = { ...KEY, secret: new TextEncoder().encode('guessed') }
        return { status: 200, body: JSON.stringify(batch), key }
      },
    ],
    ['not sealed', (batch) => ({ status: 200, body: '', onItsWay: () => JSON.stringify(batch) })],
    [
      'changed on its way',
      (batch) => ({
        status: 200,
        body: JSON.stringify({ ...batch, changes: [{ n: 100, tags: ['product:a'] }], from: 99 }),
        onItsWay: (sealed) => sealed.replace('product:a', 'product:b'),
      }),
    ],
    [
      'cut short',
      (batch) => ({
        status: 200,
        body: JSON.stringify(batch),
        onItsWay: (sealed) => sealed.slice(0, -9),
      }),
    ],
    ['an error', () => ({ status: 503, body: '{}' })],
    ['no JSON', () => ({ status: 200, body: '<html>' })],
    [
      'a batch with a gap',
      (batch) => ({ status: 200, body: JSON.stringify({ ...batch, to: 999 }) }),
    ],
    [
      'the batch of another feed',
      (batch) => ({ status: 200, body: JSON.stringify({ ...batch, feed: 'cell' }) }),
    ],
  ])('that is %s is refused, and never shared', async (_, broken) => {
    answer = broken
    const { cache, kept } = coloCache()
    await expect(sourceOn(cache).direct(null)).rejects.toThrow()
    await expect(sourceOn(cache).shared(null)).rejects.toThrow()
    expect(kept.size).toBe(0)
  })
})
