/** The relay: real Postgres behind it, a real Redis before it, and whatever may become of either. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Tx } from '../../../regional/platform/database.ts'
import { renewHistory } from '../../../regional/platform/feed.ts'
import {
  type FeedRelay,
  startFeedRelay,
  TAKEOVER_MS,
} from '../../../regional/platform/feed-relay.ts'
import type { Services } from '../../../regional/platform/implement.ts'
import { type Batch, FEED_BATCH_MAX, FEED_WINDOW } from '../../../shared/freshness/feed.ts'
import {
  BEAT_LIFE_MS,
  type Beat,
  joinRecords,
  parseBeat,
  parseRecord,
  RECORD_FIELD,
  STREAM_RECORDS_MAX,
  streamKeys,
} from '../../../shared/freshness/feed-stream.ts'
import { type SealKey, seal, unseal } from '../../../shared/signing/seal.ts'
import { startCellProcess } from '../../support/cell-process.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { edgeSecret } from '../../support/keys.ts'
import { type Relay as NetworkRelay, startRelay } from '../../support/relay.ts'
import { testServices } from '../../support/services.ts'
import { startUpstashFront, type UpstashFront } from '../../support/upstash-front.ts'

const KEYS = streamKeys('eu')
const [keyId, secret] = edgeSecret.split(':') as [string, string]
const key: SealKey = { keyId, secret: Uint8Array.from(Buffer.from(secret, 'base64url')) }

let front: UpstashFront
let network: NetworkRelay
let url: string
let services: Services
let relays: Set<FeedRelay>

beforeAll(async () => {
  url = await cloneDatabase()
  ;[front, network] = await Promise.all([startUpstashFront(), startRelay(url)])
  services = testServices(url)
})
afterAll(async () => {
  await services.close()
  await Promise.all([front.close(), network.close()])
})
beforeEach(async () => {
  relays = new Set()
  await front.redis('FLUSHALL')
  await queryRows(url, 'truncate feed_change')
  await queryRows(
    url,
    `update feed_clock set n = 0, history = 'h' || left(md5(random()::text), 12),
      origin_started_at = pg_postmaster_start_time()`,
  )
})
afterEach(async () => {
  front.restore()
  network.restore()
  await Promise.all([...relays].map((relay) => relay.stop()))
})

/** One process's relay, over the network that the test can cut. */
function startOne(overrides: Record<string, string> = {}): FeedRelay {
  const config = {
    UPSTASH_REDIS_REST_URL: front.url,
    UPSTASH_REDIS_REST_TOKEN: front.token,
    ...overrides,
  }
  const own = testServices(network.url, { config })
  const started = startFeedRelay(own)!
  const relay = {
    stop: async () => {
      relays.delete(relay)
      await started.stop()
      await own.close()
    },
  }
  relays.add(relay)
  return relay
}

async function change(...tags: string[]): Promise<number> {
  const { position } = await services.db.inTransaction(async (tx: Tx) => {
    tx.tag(...tags)
  })
  return position!.n
}

/** Many changes at once, as if there had been as many transactions. */
async function changeMany(count: number): Promise<number> {
  const [row] = await queryRows<{ n: number }>(
    url,
    `with ticked as (
       update feed_clock set n = n + $1 where feed = 'catalogue' returning n),
     inserted as (
       insert into feed_change (feed, n, tags)
       select 'catalogue', each, array['product:' || each]
       from ticked, generate_series(ticked.n - $1 + 1, ticked.n) each)
     select n::int from ticked`,
    [count],
  )
  return row!.n
}

async function beat(): Promise<(Beat & { ageMs: number }) | null> {
  const [sealed, lifeMs] = [
    await front.redis('GET', KEYS.beat),
    await front.redis('PTTL', KEYS.beat),
  ]
  const text = typeof sealed === 'string' ? await unseal(sealed, KEYS.beat, [key]) : null
  const read = text === null ? null : parseBeat(text)
  return read === null ? null : { ...read, ageMs: BEAT_LIFE_MS - Number(lifeMs) }
}

/** Every record of the stream, newest first, as a reader would take it. */
async function records(): Promise<Batch[]> {
  const entries = (await front.redis('XREVRANGE', KEYS.changes, '+', '-')) as [string, string[]][]
  return await Promise.all(
    entries.map(async ([, [field, sealed]]) => {
      expect(field).toBe(RECORD_FIELD)
      return parseRecord((await unseal(sealed!, KEYS.changes, [key]))!)!
    }),
  )
}

/** Waits until the beat has reached a change. */
async function reached(n: number): Promise<NonNullable<Awaited<ReturnType<typeof beat>>>> {
  return await vi.waitFor(async () => {
    const read = await beat()
    expect(read?.n).toBe(n)
    return read!
  }, 5_000)
}

/** Waits until there are beats that were made after now. */
async function beating(): Promise<void> {
  const { SET: before = 0 } = front.commands
  await vi.waitFor(() => expect(front.commands.SET).toBeGreaterThanOrEqual(before + 3), 5_000)
}

describe('one relay', () => {
  test('tells where the feed is before there is any change, and every change after it, without a gap', async () => {
    startOne()
    await reached(0)
    for (let turn = 1; turn <= 4; turn += 1) {
      for (let index = 0; index < 5; index += 1) await change(`product:${turn}-${index}`)
      await reached(turn * 5)
    }
    const all = await records()
    const joined = joinRecords(all, (await beat())!, 0)!.batch
    const stored = await queryRows<{ n: number; tags: string[] }>(
      url,
      'select n::int, tags from feed_change order by n',
    )
    expect(joined.changes).toEqual(stored)
    expect(joined).toMatchObject({ feed: 'catalogue', from: 0, to: 20 })
  })

  test('never writes the same beat twice, since readers tell by it whether the relay is alive', async () => {
    startOne()
    await reached(0)
    const seen = new Set<unknown>()
    await vi.waitFor(
      async () => {
        seen.add(await front.redis('GET', KEYS.beat))
        expect(seen.size).toBeGreaterThanOrEqual(4)
      },
      { timeout: 5_000, interval: 20 },
    )
  })

  test('adds to the stream only what changes, and asks little while nothing does', async () => {
    startOne()
    await change('product:a')
    await reached(1)
    const before = await records()
    const statements = { ...front.commands }
    await beating()
    expect(await records()).toEqual(before)
    const rounds = front.commands.SET! - statements.SET!
    const asked = (name: string) => front.commands[name]! - (statements[name] ?? 0)
    for (const name of ['PTTL', 'GET', 'TIME']) expect(asked(name)).toBeLessThanOrEqual(rounds + 4)
  })

  test('gives every record at least a window, so that the newest alone serves most readers', async () => {
    startOne()
    await changeMany(FEED_WINDOW * 2)
    await reached(FEED_WINDOW * 2)
    await change('product:a')
    await reached(FEED_WINDOW * 2 + 1)
    const [newest] = await records()
    expect(newest).toMatchObject({ from: FEED_WINDOW + 1, to: FEED_WINDOW * 2 + 1 })
  })

  test('that falls more than a batch behind leaves a gap that can be seen, and goes on after it', async () => {
    startOne()
    await change('product:a')
    await reached(1)
    const n = await changeMany(FEED_BATCH_MAX + 50)
    const after = await reached(n)
    const all = await records()
    expect(all[0]).toMatchObject({ from: n - FEED_WINDOW, to: n, cut: false })
    expect(joinRecords(all, after, 1)).toBeNull()
    expect(joinRecords(all, after, n - FEED_WINDOW)).not.toBeNull()
    const next = await reached(await change('product:b'))
    const { changes } = joinRecords(await records(), next, n)!.batch
    expect(changes.at(-1)).toEqual({ n: n + 1, tags: ['product:b'] })
  })

  test('keeps the stream short', async () => {
    startOne()
    await reached(0)
    for (let index = 0; index < STREAM_RECORDS_MAX * 3; index += 1) {
      await front.redis('XADD', KEYS.changes, '*', RECORD_FIELD, 'x'.repeat(5_000))
    }
    await reached(await change('product:a'))
    expect(await front.redis('XLEN', KEYS.changes)).toBeLessThanOrEqual(STREAM_RECORDS_MAX + 10)
  })

  test('tells of a renewed history at once, with the newest window under its name', async () => {
    startOne()
    await changeMany(3)
    const before = await reached(3)
    await queryRows(url, `update feed_clock set origin_started_at = now() - interval '1 hour'`)
    await renewHistory(services.db)
    const after = await vi.waitFor(async () => {
      const read = (await beat())!
      expect(read.incarnation.history).not.toBe(before.incarnation.history)
      return read
    }, 5_000)
    const joined = joinRecords(await records(), after, null)!.batch
    expect(joined).toMatchObject({ from: 0, to: 3, incarnation: after.incarnation })
  })

  test('tells of a renewed copy at once', async () => {
    startOne()
    await reached(await changeMany(3))
    await queryRows(url, `update feed_copy set copy = 'copied again'`)
    await vi.waitFor(async () => {
      expect((await beat())?.incarnation.copy).toBe('copied again')
      expect((await records())[0]?.incarnation.copy).toBe('copied again')
    }, 5_000)
  })

  test('seals with both secrets while they are rotated', async () => {
    const other = edgeSecret.replace(/^[^:]+/, 'edge-2')
    startOne({ EDGE_SECRETS: `${other},${edgeSecret}` })
    await reached(0)
    const sealed = String(await front.redis('GET', KEYS.beat))
    expect(await unseal(sealed, KEYS.beat, [{ ...key, keyId: 'edge-2' }])).not.toBeNull()
    expect(await unseal(sealed, KEYS.beat, [key])).not.toBeNull()
  })

  test('is not started without a Redis', () => {
    expect(startFeedRelay(services)).toBeNull()
  })
})

describe('several relays', () => {
  test('take turns at nothing: one writes while the others only look', async () => {
    for (let index = 0; index < 3; index += 1) startOne()
    await beating()
    const { relay } = (await beat())!
    const before = { ...front.commands }
    await beating()
    expect((await beat())!.relay).toBe(relay)
    const rise = (name: string) => front.commands[name]! - before[name]!
    // The two that wait look about once a `TAKEOVER_MS`, not once a period.
    expect(rise('TIME')).toBeLessThan(3 * rise('SET'))
    await reached(await change('product:a'))
  })

  test('agree on the same changes when they start at once', async () => {
    await changeMany(5)
    for (let index = 0; index < 4; index += 1) startOne()
    await reached(5)
    for (let index = 0; index < 5; index += 1) await change(`product:${index}`)
    const last = await reached(10)
    expect(joinRecords(await records(), last, 0)!.batch.changes.map(({ n }) => n)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ])
  })

  test('take over from one that has ended, and go on without a gap', async () => {
    const first = startOne()
    await reached(await changeMany(3))
    const { relay } = (await beat())!
    startOne()
    await first.stop()
    const n = await changeMany(FEED_WINDOW - 10)
    const after = await reached(n)
    expect(after.relay).not.toBe(relay)
    expect(joinRecords(await records(), after, 3)!.batch.to).toBe(n)
  })

  test('do not believe a beat that none of them has sealed', async () => {
    await front.redis('SET', KEYS.beat, 'edge-1=AAAA\n{}', 'PX', BEAT_LIFE_MS)
    startOne()
    expect((await reached(0)).ageMs).toBeLessThan(TAKEOVER_MS)
  })

  test('take over from one whose clock was ahead', async () => {
    const strange = { relay: 'r', incarnation: { history: 'h', copy: 'c' }, n: 9, lookedAtMs: 1 }
    const sealed = await seal(JSON.stringify(strange), KEYS.beat, [key])
    await front.redis('SET', KEYS.beat, sealed, 'PX', BEAT_LIFE_MS + 3_600_000)
    startOne()
    await reached(0)
  })
})

describe('when something is away', () => {
  test.each(['silent', 'refusing', 'failing'] as const)(
    'a Redis that is %s is waited for, and what happened meanwhile is told',
    async (fault) => {
      startOne()
      await reached(await change('product:a'))
      front.fail(fault)
      await change('product:b')
      const before = front.requestsOf()
      await vi.waitFor(() => expect(front.requestsOf()).toBeGreaterThan(before + 1), 10_000)
      front.restore()
      const after = await vi.waitFor(() => reached(2), 10_000)
      expect(joinRecords(await records(), after, 1)!.batch.to).toBe(2)
    },
    20_000,
  )

  test('a Redis that has lost everything is filled again', async () => {
    startOne()
    await reached(await changeMany(3))
    await front.redis('FLUSHALL')
    const after = await reached(3)
    expect(joinRecords(await records(), after, null)!.batch).toMatchObject({ from: 0, to: 3 })
  })

  test('a Postgres that is silent makes the beat old, never young', async () => {
    startOne()
    await reached(await change('product:a'))
    network.silence()
    await vi.waitFor(async () => expect((await beat())!.ageMs).toBeGreaterThan(1_500), 5_000)
    await change('product:b')
    network.restore()
    await reached(2)
  }, 20_000)

  test('what reaches Redis late is as old as the look behind it', async () => {
    startOne()
    await reached(await change('product:a'))
    // Whoever sent it has given it up by the time it is done.
    front.fail('late', { path: '/multi-exec' })
    await change('product:b')
    expect((await reached(2)).ageMs).toBeGreaterThan(1_900)
    front.restore()
    await vi.waitFor(async () => expect((await beat())!.ageMs).toBeLessThan(TAKEOVER_MS), 10_000)
  }, 20_000)
})

describe('a cell’s process', () => {
  const environment = () => ({
    UPSTASH_REDIS_REST_URL: front.url,
    UPSTASH_REDIS_REST_TOKEN: front.token,
  })

  test('relays from its start to its drain', async () => {
    const cell = await startCellProcess(url, environment())
    await reached(await change('product:a'))
    expect(await cell.end('SIGTERM')).toBe(0)
    const { SET: before } = front.commands
    await vi.waitFor(async () => expect((await beat())!.ageMs).toBeGreaterThan(TAKEOVER_MS), 5_000)
    expect(front.commands.SET).toBe(before)
  })

  test('says once that Redis refuses it, without its token or what was sent, and serves all the same', async () => {
    const token = 'a-wrong-token'
    const cell = await startCellProcess(url, { ...environment(), UPSTASH_REDIS_REST_TOKEN: token })
    const before = front.requestsOf()
    await vi.waitFor(() => expect(front.requestsOf()).toBeGreaterThan(before + 2), 10_000)
    expect((await fetch(`${cell.url}/health/ready`)).status).toBe(200)
    expect(await cell.end('SIGTERM')).toBe(0)
    expect(cell.output().match(/the feed is not relayed/g)).toHaveLength(1)
    expect(cell.output()).not.toMatch(/a-wrong-token|tradewind:1/)
  })
})

test('it ends when it is told to, and beats no more', async () => {
  const relay = startOne()
  await beating()
  await relay.stop()
  const { SET: before } = front.commands
  await vi.waitFor(async () => expect((await beat())!.ageMs).toBeGreaterThan(TAKEOVER_MS), 5_000)
  expect(front.commands.SET).toBe(before)
})
