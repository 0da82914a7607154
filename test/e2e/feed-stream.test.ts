/** The reader of the stream, on a real Redis: what it believes, how old it takes it to be, and when it does not ask. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { FeedStream, STREAM_AGE_MS_MAX, STREAM_PAUSE_MS } from '../../edge/cache/feed-stream.ts'
import { readEdgeConfig } from '../../edge/config.ts'
import { FEED_WINDOW } from '../../shared/freshness/feed.ts'
import {
  BEAT_LIFE_MS,
  formatRecord,
  RECORD_FIELD,
  streamKeys,
} from '../../shared/freshness/feed-stream.ts'
import { seal } from '../../shared/signing/seal.ts'
import { FeedModel } from '../shared/freshness/feed-model.ts'
import { edgeSecret } from '../support/keys.ts'
import { startUpstashFront, type UpstashFront } from '../support/upstash-front.ts'

const KEYS = streamKeys('eu')

let front: UpstashFront
let feed: FeedModel
let stream: FeedStream

beforeAll(async () => {
  front = await startUpstashFront()
})
afterAll(() => front.close())
beforeEach(async () => {
  await front.redis('FLUSHALL')
  feed = new FeedModel({ batchMax: 10_000 })
  stream = streamWith(front.readOnlyToken)
})
afterEach(() => {
  vi.useRealTimers()
  front.restore()
})

const { defaultCell } = readEdgeConfig({
  CELLS: '{"eu":{"url":"https://cell.test"}}',
  EDGE_SECRETS: JSON.stringify({ eu: edgeSecret }),
  DEFAULT_CELL: 'eu',
  ENVIRONMENT: 'development',
})

function streamWith(token: string): FeedStream {
  return new FeedStream(defaultCell, { url: front.url, token })
}

/** What the relay does, as if it had looked `ageMs` ago. */
async function relay({ since = feed.n, ageMs = 0 } = {}): Promise<void> {
  const record = await seal(formatRecord(feed.batchAfter(0), since), KEYS.changes, [defaultCell])
  await front.redis('XADD', KEYS.changes, '*', RECORD_FIELD, record)
  await beat(ageMs)
}

let beats = 0

async function beat(ageMs = 0, keys = [defaultCell]): Promise<void> {
  beats += 1
  const { incarnation, n } = feed
  const text = JSON.stringify({ relay: 'r1', incarnation, n, lookedAtMs: beats })
  const sealed = await seal(text, KEYS.beat, keys)
  await front.redis('SET', KEYS.beat, sealed, 'PX', BEAT_LIFE_MS - ageMs)
}

function commit(changes: number): void {
  for (let index = 0; index < changes; index += 1) feed.commit(`product:${feed.n + 1}`)
}

describe('what it takes from the stream', () => {
  test('is every change after what the reader knows, with a token that may only read', async () => {
    commit(5)
    await relay()
    const taken = await stream.newest(2)
    expect(taken?.batch).toEqual(feed.batchAfter(0))
    expect(stream.counters).toMatchObject({ streamFills: 1, streamGaps: 0 })
    const commands = { ...front.commands }
    await stream.newest(2)
    expect(front.commands).toEqual({
      ...commands,
      PTTL: commands.PTTL! + 1,
      GET: commands.GET! + 1,
      XREVRANGE: commands.XREVRANGE! + 1,
    })
  })

  test('is the newest window for a reader who knows nothing', async () => {
    commit(FEED_WINDOW + 50)
    await relay()
    expect((await stream.newest(null))?.batch).toMatchObject({ from: 50, to: FEED_WINDOW + 50 })
  })

  test('is nothing across a gap, for which it asks further back the next time', async () => {
    for (let record = 0; record < 6; record += 1) {
      commit(FEED_WINDOW)
      await relay()
    }
    expect(await stream.newest(500)).toBeNull()
    expect(await stream.newest(500)).toBeNull()
    expect((await stream.newest(500))?.batch).toMatchObject({ from: 400, to: 1_200 })
    expect(stream.counters).toMatchObject({ streamFills: 1, streamGaps: 2 })
    expect((await stream.newest(1_199))?.batch.to).toBe(1_200)
    expect(await stream.newest(1)).toBeNull()
  })

  test('is nothing when the reader knows more, or the beat does', async () => {
    commit(5)
    await relay()
    expect(await stream.newest(6)).toBeNull()
    commit(1)
    await beat()
    expect(await stream.newest(5)).toBeNull()
    expect(stream.counters.streamGaps).toBe(2)
  })

  test('is what it was, whatever else lies in the stream', async () => {
    commit(5)
    await relay()
    const honest = feed.batchAfter(0)
    const forged = JSON.stringify({
      ...honest,
      changes: honest.changes.map(({ n }) => ({ n, tags: ['product:another'] })),
    })
    const cut = JSON.stringify({ ...honest, to: 9 })
    const stranger = { ...defaultCell, secret: new Uint8Array(32) }
    for (const [field, text] of [
      [RECORD_FIELD, 'nothing'],
      [RECORD_FIELD, forged],
      [RECORD_FIELD, await seal(forged, KEYS.changes, [stranger])],
      [RECORD_FIELD, await seal(forged, streamKeys('us').changes, [defaultCell])],
      [RECORD_FIELD, await seal(forged, KEYS.beat, [defaultCell])],
      [RECORD_FIELD, await seal(cut, KEYS.changes, [defaultCell])],
      ['another', await seal(forged, KEYS.changes, [defaultCell])],
    ]) {
      await front.redis('XADD', KEYS.changes, '*', field, text)
    }
    await vi.waitFor(async () => {
      expect((await stream.newest(2))?.batch).toEqual(feed.batchAfter(0))
    })
  })
})

describe('the age', () => {
  test('counts from the look behind the beat, by Redis’s clock alone', async () => {
    commit(1)
    await relay({ ageMs: 600 })
    const { ageMs } = (await stream.newest(0))!
    expect(ageMs).toBeGreaterThanOrEqual(600)
    expect(ageMs).toBeLessThan(STREAM_AGE_MS_MAX)
  })

  test('is not told by a machine’s clock that is an hour off', async () => {
    commit(1)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 })
    await relay({ ageMs: 600 })
    expect((await stream.newest(0))?.ageMs).toBeGreaterThanOrEqual(600)
    vi.setSystemTime(Date.now() + 7_200_000)
    await relay({ ageMs: 600 })
    expect((await stream.newest(0))?.ageMs).toBeLessThan(STREAM_AGE_MS_MAX)
  })

  test('of a beat seen before grows with time, though Redis’s clock is set back', async () => {
    commit(1)
    await relay({ ageMs: 200 })
    vi.useFakeTimers({ toFake: ['Date'] })
    expect(await stream.newest(0)).not.toBeNull()
    await front.redis('PEXPIRE', KEYS.beat, BEAT_LIFE_MS - 10)
    vi.advanceTimersByTime(500)
    expect((await stream.newest(0))?.ageMs).toBeGreaterThanOrEqual(700)
    vi.advanceTimersByTime(500)
    expect(await stream.newest(0)).toBeNull()
  })

  test.each<[string, () => Promise<unknown>]>([
    ['there is no beat', () => front.redis('DEL', KEYS.beat)],
    ['the beat is too old', () => beat(STREAM_AGE_MS_MAX)],
    ['the beat never ends', () => front.redis('PERSIST', KEYS.beat)],
    ['the beat is of the future', () => beat(-1_000)],
    ['the beat is nobody’s', () => front.redis('SET', KEYS.beat, '{}', 'PX', BEAT_LIFE_MS)],
    ['the beat is another’s', () => beat(0, [{ ...defaultCell, secret: new Uint8Array(32) }])],
    [
      'the beat is no text',
      async () => {
        await front.redis('DEL', KEYS.beat)
        await front.redis('LPUSH', KEYS.beat, 'x')
      },
    ],
  ])('cannot be told when %s, and Redis is left alone for a while', async (_, arrange) => {
    commit(1)
    await relay()
    await arrange()
    vi.useFakeTimers({ toFake: ['Date'] })
    expect(await stream.newest(0)).toBeNull()
    const { streamSilences, streamFailures } = stream.counters
    expect(streamSilences + streamFailures).toBe(1)
    const before = front.requestsOf()
    vi.advanceTimersByTime(STREAM_PAUSE_MS - 1)
    expect(await stream.newest(0)).toBeNull()
    expect(front.requestsOf()).toBe(before)
    vi.advanceTimersByTime(1)
    await front.redis('DEL', KEYS.beat)
    await relay()
    expect(await stream.newest(0)).not.toBeNull()
  })
})

describe('a Redis that', () => {
  test.each(['silent', 'refusing', 'failing', 'slow'] as const)(
    'is %s is given up in time, and left alone for a while',
    async (fault) => {
      commit(1)
      await relay()
      front.fail(fault)
      const startedAtMs = performance.now()
      expect(await stream.newest(0)).toBeNull()
      expect(performance.now() - startedAtMs).toBeLessThan(1_500)
      expect(stream.counters).toMatchObject({ streamFailures: 1, streamFills: 0 })
      const before = front.requestsOf()
      expect(await stream.newest(0)).toBeNull()
      expect(front.requestsOf()).toBe(before)
    },
  )

  test('refuses the token is left alone for a while', async () => {
    commit(1)
    await relay()
    const refused = streamWith('wrong')
    const before = front.requestsOf()
    expect(await refused.newest(0)).toBeNull()
    expect(await refused.newest(0)).toBeNull()
    expect(front.requestsOf()).toBe(before + 1)
    expect(refused.counters.streamFailures).toBe(1)
  })
})

test('the front keeps a reader from writing, as Upstash does', async () => {
  const response = await fetch(front.url, {
    method: 'POST',
    headers: { authorization: `Bearer ${front.readOnlyToken}` },
    body: JSON.stringify(['SET', KEYS.beat, 'x']),
  })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ error: expect.stringContaining('NOPERM') })
})
