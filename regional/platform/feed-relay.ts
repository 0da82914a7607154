/**
 * Relays this cell's catalogue feed to a Redis stream, for edges in many places.
 *
 * Every process of the cell runs one. The one whose beat is there goes on, and the others look only whether it has
 * fallen silent: no lock, so nothing to lose. Two that write at once do no harm, because each record says what it
 * covers. Redis is never needed to serve: when it fails the edges ask the cell, and the relay tries again.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from '@upstash/redis'
import { type Batch, FEED_WINDOW } from '../../shared/freshness/feed.ts'
import {
  BEAT_LIFE_MS,
  type Beat,
  batchSince,
  FEED_RELAY_MS,
  formatRecord,
  joinRecords,
  parseBeat,
  RECORD_FIELD,
  STREAM_RECORDS_MAX,
  streamKeys,
} from '../../shared/freshness/feed-stream.ts'
import { type SealKey, seal, unseal } from '../../shared/signing/seal.ts'
import { codeOf, type Database } from './database.ts'
import { sealKeyOf } from './edge-signature.ts'
import { batchAfter } from './feed.ts'
import type { Services } from './implement.ts'
import type { Logger } from './log.ts'

/** A beat older than this is that of a relay which has ended; another process takes over. */
export const TAKEOVER_MS = 3 * FEED_RELAY_MS
/** Redis has this long for one request. */
const REDIS_MS_MAX = 1_000
/** The longest pause after failures in a row. */
const RELAY_PAUSE_MS_MAX = 5_000
/** Pauses vary by this much to either side, so that processes started together do not stay in step. */
const JITTER = 0.1

export interface FeedRelay {
  /** Waits a bounded time for what is under way. */
  stop(): Promise<void>
}

/** `null` when the configuration names no Redis. */
export function startFeedRelay({ config, feed, log }: Services): FeedRelay | null {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = config
  if (url === undefined || token === undefined) return null
  const stopped = new AbortController()
  const keys = config.EDGE_SECRETS.map(sealKeyOf)
  const redis = redisAt({ url, token })
  const relay = new Relay({ cell: config.CELL, db: feed, redis, keys })
  const running = keepRelaying(relay, log, stopped.signal)
  return {
    stop: async () => {
      stopped.abort()
      await running
    },
  }
}

async function keepRelaying(relay: Relay, log: Logger, stopped: AbortSignal): Promise<void> {
  let failures = 0
  while (!stopped.aborted) {
    let pauseMs: number
    try {
      pauseMs = await relay.round()
      if (failures > 0) log.info({ failures }, 'the feed is relayed again')
      failures = 0
    } catch (error) {
      failures += 1
      pauseMs = Math.min(FEED_RELAY_MS * 2 ** failures, RELAY_PAUSE_MS_MAX)
      // Once, not every time; and never its message, which quotes the command.
      if (failures === 1 && !stopped.aborted) log.warn(nameOf(error), 'the feed is not relayed')
    }
    const jitter = 1 + JITTER * (2 * Math.random() - 1)
    await delay(pauseMs * jitter, undefined, { signal: stopped }).catch(() => undefined)
  }
}

/** One process's relay. */
class Relay {
  readonly #id = randomUUID()
  readonly #place: ReturnType<typeof streamKeys>
  readonly #db: Database
  readonly #redis: Redis
  readonly #keys: readonly SealKey[]
  /** The newest changes as read last, so that a round asks only for what is new. */
  #tail: Batch | null = null

  constructor(options: { cell: string; db: Database; redis: Redis; keys: readonly SealKey[] }) {
    this.#place = streamKeys(options.cell)
    this.#db = options.db
    this.#redis = options.redis
    this.#keys = options.keys
  }

  /** Looks once, and relays when it is this process's turn. @returns how long to pause. */
  async round(): Promise<number> {
    const { beat, ageMs, redisAtMs } = await this.#look()
    const isAnothers = beat !== null && beat.relay !== this.#id
    if (isAnothers && ageMs < TAKEOVER_MS) return TAKEOVER_MS - ageMs
    // `redisAtMs` was taken before this statement: what travels late looks older, never younger.
    const tail = await this.#readTail()
    await this.#write(tail, beat, redisAtMs)
    return FEED_RELAY_MS
  }

  async #look(): Promise<{ beat: Beat | null; ageMs: number; redisAtMs: number }> {
    const { beat: key } = this.#place
    const pipeline = this.#redis.pipeline().pttl(key).get<string>(key).time()
    const [lifeMs, sealed, [seconds, microseconds]] = await pipeline.exec()
    const redisAtMs = Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000)
    if (!Number.isSafeInteger(redisAtMs)) throw new Error('Redis does not tell its time')
    const text = sealed === null ? null : await unseal(sealed, key, this.#keys)
    const beat = text === null ? null : parseBeat(text)
    const ageMs = BEAT_LIFE_MS - Number(lifeMs)
    // An age below zero is that of a clock that was set back.
    return { beat: ageMs < 0 ? null : beat, ageMs, redisAtMs }
  }

  /** At least the newest `FEED_WINDOW` changes there are, from one or two statements. */
  async #readTail(): Promise<Batch> {
    const tail = this.#tail
    if (tail !== null) {
      const next = await batchAfter(this.#db, { feed: 'catalogue', from: tail.to })
      const isWhole = !next.cut && next.from === tail.to
      const reached = { incarnation: next.incarnation, n: next.to }
      const joined = isWhole ? joinRecords([next, tail], reached, tail.from) : null
      if (joined !== null) {
        // What the other end has by now is dropped at the next round.
        this.#tail = batchSince(joined.batch, Math.max(0, next.to - FEED_WINDOW))
        return joined.batch
      }
    }
    // Nothing read yet, another incarnation, or more than one batch behind: readers will see the gap.
    const newest = await batchAfter(this.#db, { feed: 'catalogue', from: null })
    this.#tail = newest
    return newest
  }

  async #write(tail: Batch, before: Beat | null, redisAtMs: number): Promise<void> {
    const { changes, beat: key } = this.#place
    const { incarnation, to } = tail
    const beat: Beat = { relay: this.#id, incarnation, n: to, lookedAtMs: redisAtMs }
    const sealed = await seal(JSON.stringify(beat), key, this.#keys)
    const transaction = this.#redis.multi()
    if (before === null || before.n !== to || isOther(before, tail)) {
      const record = formatRecord(tail, before === null ? to : before.n)
      const fields = { [RECORD_FIELD]: await seal(record, changes, this.#keys) }
      const trim = { type: 'MAXLEN', threshold: STREAM_RECORDS_MAX, comparison: '~' } as const
      transaction.xadd(changes, '*', fields, { trim })
    }
    await transaction.set(key, sealed, { pxat: redisAtMs + BEAT_LIFE_MS }).exec()
  }
}

function isOther({ incarnation: one }: Beat, { incarnation: other }: Batch): boolean {
  return one.history !== other.history || one.copy !== other.copy
}

function redisAt({ url, token }: { url: string; token: string }): Redis {
  return new Redis({
    url,
    token,
    // `false` would still try twice. The next round is the retry.
    retry: { retries: 0 },
    // As a function, or an abort would be answered as if it were Redis's word.
    signal: () => AbortSignal.timeout(REDIS_MS_MAX),
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
  })
}

function nameOf(error: unknown): { error: string; code?: string | undefined } {
  return { error: error instanceof Error ? error.name : typeof error, code: codeOf(error) }
}
