/** The feed through Redis, whole: a real relay, a real Redis, real edges in workerd, and what happens when one fails. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { STREAM_AGE_MS_MAX, STREAM_PAUSE_MS } from '../../edge/cache/feed-stream.ts'
import type { EdgeHealth } from '../../edge/counters.ts'
import type { Product } from '../../shared/contracts/catalog.ts'
import { FEED_BATCH_MAX, FEED_STALE_MS_MAX } from '../../shared/freshness/feed.ts'
import {
  BEAT_LIFE_MS,
  parseRecord,
  RECORD_FIELD,
  streamKeys,
} from '../../shared/freshness/feed-stream.ts'
import { HEADERS } from '../../shared/headers.ts'
import { seal } from '../../shared/signing/seal.ts'
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts'
import { queryRows } from '../support/database.ts'
import { bundleEdge, startEdge, type TestEdge } from '../support/edge.ts'
import { startSystem, type TestSystem } from '../support/system.ts'
import { startUpstashFront, type UpstashFront } from '../support/upstash-front.ts'

const PATH = '/v1/products/dry-bag-set?market=de'
const FEED = '/internal/feed'
/** What a request may take beside the bound itself, on a busy machine. */
const SLACK_MS = 300

let front: UpstashFront
let system: TestSystem
let cell: CountingProxy
let script: string
let edges: TestEdge[]

beforeAll(async () => {
  front = await startUpstashFront()
  const redis = { UPSTASH_REDIS_REST_URL: front.url, UPSTASH_REDIS_REST_TOKEN: front.token }
  ;[system, script] = await Promise.all([startSystem({ cell: redis }), bundleEdge()])
  cell = await startCountingProxy(system.cellUrl)
  await vi.waitFor(async () => expect(await front.redis('GET', streamKeys('eu').beat)).toBeTruthy())
  edges = await Promise.all([edgeWith(front.readOnlyToken), edgeWith(front.readOnlyToken)])
})
afterEach(() => front.restore())
afterAll(async () => {
  await Promise.all(edges.map((edge) => edge.close()))
  await cell.close()
  await system.close()
  await front.close()
})

function edgeWith(token: string): Promise<TestEdge> {
  const bindings = { UPSTASH_REDIS_REST_URL: front.url, UPSTASH_REDIS_REST_TOKEN: token }
  return startEdge(cell.url, script, { bindings })
}

let amount = 10_000

/** A new price, written through an edge that knows of no Redis. @returns it and its position. */
async function reprice(): Promise<{ amountMinor: number; position: string }> {
  amount += 1
  return { amountMinor: amount, position: await system.changePrice('DRY-BAG-SET', amount) }
}

async function priceAt({ url }: TestEdge, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(url + PATH, { headers })
  expect(response.status).toBe(200)
  return ((await response.json()) as Product).variants[0]!.price.amountMinor
}

async function health({ url }: TestEdge): Promise<EdgeHealth> {
  return (await (await fetch(`${url}/health/edge`)).json()) as EdgeHealth
}

/** Reads again and again until an edge shows a price. @returns how long it showed an older one. */
async function shown(edge: TestEdge, amountMinor: number): Promise<number> {
  const startedAtMs = performance.now()
  let olderAtMs = startedAtMs
  await vi.waitFor(
    async () => {
      const askedAtMs = performance.now()
      const price = await priceAt(edge)
      if (price !== amountMinor) olderAtMs = askedAtMs
      expect(price).toBe(amountMinor)
    },
    { timeout: 10_000, interval: 20 },
  )
  return olderAtMs - startedAtMs
}

/** A change seen by every edge, all within the bound. */
async function changeIsShown(): Promise<void> {
  const { amountMinor } = await reprice()
  for (const olderMs of await Promise.all(edges.map((edge) => shown(edge, amountMinor)))) {
    expect(olderMs).toBeLessThan(FEED_STALE_MS_MAX + SLACK_MS)
  }
}

/** Waits until changes come through the stream again, without a question to the cell. */
async function streamed(): Promise<void> {
  await vi.waitFor(
    async () => {
      const before = cell.count(FEED)
      await changeIsShown()
      expect(cell.count(FEED)).toBe(before)
    },
    { timeout: STREAM_PAUSE_MS + 15_000 },
  )
}

test('a change reaches every edge through the stream, and the cell is not asked for its feed', async () => {
  await Promise.all(edges.map((edge) => priceAt(edge)))
  for (let turn = 0; turn < 3; turn += 1) await changeIsShown()
  expect(cell.count(FEED)).toBe(0)
  expect(front.requestsOf(front.readOnlyToken)).toBeGreaterThan(2)
})

test('while nothing changes the cell is not asked either, however long that lasts', async () => {
  await streamed()
  const before = cell.count(FEED)
  const asked = front.requestsOf(front.readOnlyToken)
  const fills = (STREAM_AGE_MS_MAX / 1_000 + 3) * edges.length
  await vi.waitFor(
    async () => {
      await Promise.all(edges.map((edge) => priceAt(edge)))
      expect(front.requestsOf(front.readOnlyToken)).toBeGreaterThanOrEqual(asked + fills)
    },
    { timeout: 20_000, interval: 20 },
  )
  expect(cell.count(FEED)).toBe(before)
})

test('a reader’s own write is in the next read of any edge, for which the cell itself is asked', async () => {
  await Promise.all(edges.map((edge) => priceAt(edge)))
  const before = cell.count(FEED)
  const { amountMinor, position } = await reprice()
  for (const edge of edges) {
    expect(await priceAt(edge, { [HEADERS.position]: position })).toBe(amountMinor)
  }
  expect(cell.count(FEED)).toBeGreaterThan(before)
  await streamed()
})

test('a gap in the stream is repaired by the cell, and the stream goes on after it', async () => {
  await streamed()
  const before = cell.count(FEED)
  await queryRows(
    system.databaseUrl,
    `with ticked as (
       update feed_clock set n = n + $1 where feed = 'catalogue' returning n)
     insert into feed_change (feed, n, tags)
     select 'catalogue', each, '{other}' from ticked, generate_series(n - $1 + 1, n) each`,
    [FEED_BATCH_MAX + 100],
  )
  await changeIsShown()
  expect(cell.count(FEED)).toBeGreaterThan(before)
  await streamed()
  const { n } = (await health(edges[0]!)).feed
  expect(n).toBeGreaterThan(FEED_BATCH_MAX)
})

test.each(['silent', 'late'] as const)(
  'a relay for which Redis is %s is noticed and bridged within the bound, and taken up again',
  async (fault) => {
    await streamed()
    const before = cell.count(FEED)
    front.fail(fault, { token: front.token })
    for (let turn = 0; turn < 3; turn += 1) await changeIsShown()
    expect(cell.count(FEED)).toBeGreaterThan(before)
    front.restore()
    await streamed()
  },
)

test.each(['refusing', 'silent'] as const)(
  'a Redis that is %s for the edges costs no freshness and few questions',
  async (fault) => {
    await streamed()
    const before = front.requestsOf(front.readOnlyToken)
    front.fail(fault, { token: front.readOnlyToken })
    const startedAtMs = performance.now()
    for (let turn = 0; turn < 3; turn += 1) await changeIsShown()
    const pauses = (performance.now() - startedAtMs) / STREAM_PAUSE_MS
    const asked = front.requestsOf(front.readOnlyToken) - before
    expect(asked).toBeLessThanOrEqual(edges.length * (Math.ceil(pauses) + 1))
    front.restore()
    await streamed()
  },
)

test('a cell that is killed and starts again with another history is followed under that', async () => {
  await streamed()
  const { history } = (await health(edges[0]!)).feed
  await system.stopCell('SIGKILL')
  await queryRows(
    system.databaseUrl,
    `update feed_clock set origin_started_at = origin_started_at - interval '1 hour'`,
  )
  await system.startCell()
  await streamed()
  expect((await health(edges[0]!)).feed.history).not.toBe(history)
})

test('what others leave in Redis changes nothing, though it is all that a reader asks for', async () => {
  await streamed()
  const { beat, changes } = streamKeys('eu')
  const { n, history } = (await health(edges[0]!)).feed
  const [copy] = await queryRows<{ copy: string }>(system.databaseUrl, 'select copy from feed_copy')
  const incarnation = { history, copy: copy!.copy }
  const ahead = n + 500
  const forgedBeat = JSON.stringify({ relay: 'forged', incarnation, n: ahead, lookedAtMs: 1 })
  // Whoever believed it would take the next 500 changes for known, and show what they change no more.
  const forgedRecord = JSON.stringify({
    feed: 'catalogue',
    incarnation,
    from: n - 1,
    to: ahead,
    changes: Array.from({ length: ahead - n + 1 }, (_, index) => ({ n: n + index, tags: [] })),
    retainedFrom: 0,
    cut: false,
  })
  expect(parseRecord(forgedRecord), 'it is refused for its seal alone').not.toBeNull()
  const stranger = { keyId: 'edge-1', secret: new Uint8Array(32) }
  const sealedBeat = await seal(forgedBeat, beat, [stranger])
  const sealed = await seal(forgedRecord, changes, [stranger])
  for (const [text, record] of [
    [forgedBeat, forgedRecord],
    [sealedBeat, sealed],
  ]) {
    // Again and again, since the relay writes over it.
    let isShown = false
    const forging = (async () => {
      while (!isShown) {
        await front.redis('SET', beat, text, 'PX', BEAT_LIFE_MS)
        await front.redis('XADD', changes, 'MAXLEN', '~', 100, '*', RECORD_FIELD, record)
        await delay(10)
      }
    })()
    try {
      for (let turn = 0; turn < 2; turn += 1) await changeIsShown()
    } finally {
      isShown = true
      await forging
    }
    for (const edge of edges) expect((await health(edge)).feed.n).toBeLessThan(ahead)
  }
  await streamed()
})

test('an edge whose token is refused asks the cell', async () => {
  const edge = await edgeWith('a-wrong-token')
  try {
    const before = cell.count(FEED)
    await priceAt(edge)
    const { amountMinor } = await reprice()
    expect(await shown(edge, amountMinor)).toBeLessThan(FEED_STALE_MS_MAX + SLACK_MS)
    expect(cell.count(FEED)).toBeGreaterThan(before)
  } finally {
    await edge.close()
  }
})
