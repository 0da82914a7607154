/** The feed by way of the Redis stream that the cell's relay fills, judged before it is believed. */
import type { Redis } from '@upstash/redis/cloudflare'
import { type Batch, FEED_STALE_MS_MAX } from '../../shared/freshness/feed.ts'
import {
  BEAT_LIFE_MS,
  type Beat,
  joinRecords,
  parseBeat,
  parseRecord,
  RECORD_FIELD,
  streamKeys,
} from '../../shared/freshness/feed-stream.ts'
import { unseal } from '../../shared/signing/seal.ts'
import type { Cell, RedisAddress } from '../config.ts'

/** Redis has this long; with the cell's time after it, a reader who waits still gets an answer. */
const STREAM_TIMEOUT_MS = 750
/** After Redis failed or its beat was old, how long before it is asked again: a dead one costs no reader its time. */
export const STREAM_PAUSE_MS = 5_000
/** A beat may be this old: what is shared in a colo for a second more must still be young enough to vouch. */
export const STREAM_AGE_MS_MAX = FEED_STALE_MS_MAX / 2
/** Records asked for after gaps; the newest alone is enough for most readers. */
const RECORDS_ASKED_MAX = 16

export interface StreamCounters {
  /** Answers taken from the stream. */
  streamFills: number
  /** Requests to Redis that failed: it is away, slow, or refuses the token. */
  streamFailures: number
  /** There was no beat of the cell's, or an old one: the relay is dead, or cannot reach Redis. */
  streamSilences: number
  /** The records did not join what the reader knows. */
  streamGaps: number
}

export function newStreamCounters(): StreamCounters {
  return { streamFills: 0, streamFailures: 0, streamSilences: 0, streamGaps: 0 }
}

/** What one request to Redis brought, as it is. */
interface Answer {
  readonly lifeMs: number
  readonly sealedBeat: string | null
  /** Newest first. */
  readonly sealedRecords: readonly string[]
  readonly tookMs: number
}

export class FeedStream {
  readonly counters = newStreamCounters()
  readonly #cell: Cell
  readonly #address: RedisAddress
  readonly #keys: ReturnType<typeof streamKeys>
  #redis: Redis | null = null
  #recordsAsked = 1
  #pausedUntilMs = Number.NEGATIVE_INFINITY
  /** The beat seen last, and its age at first sight: by our own clock it grows no slower than time passes. */
  #seen: { sealedBeat: string; atMs: number; ageMs: number } | null = null

  constructor(cell: Cell, address: RedisAddress) {
    this.#cell = cell
    this.#address = address
    this.#keys = streamKeys(cell.name)
  }

  /**
   * The changes after `known` (about as many as a record holds when `null`), and how old they may be.
   *
   * @returns `null` when the stream cannot tell, and the cell must be asked.
   */
  async newest(known: number | null): Promise<{ batch: Batch; ageMs: number } | null> {
    if (Date.now() < this.#pausedUntilMs) return null
    const answer = await this.#ask().catch(() => null)
    if (answer === null) return this.#pause('streamFailures')
    const beat = await this.#beatIn(answer)
    const ageMs = this.#ageOf(answer)
    if (beat === null || ageMs === null) return this.#pause('streamSilences')
    const records = await this.#recordsIn(answer)
    const joined = joinRecords(records, beat, known)
    if (joined === null) {
      this.counters.streamGaps += 1
      this.#recordsAsked = Math.min(this.#recordsAsked * 2, RECORDS_ASKED_MAX)
      return null
    }
    this.counters.streamFills += 1
    this.#recordsAsked = Math.max(joined.recordsUsed, this.#recordsAsked - 1)
    return { batch: joined.batch, ageMs }
  }

  /** The beat's life first and the records last: so the beat is no older than that, and the records reach it. */
  async #ask(): Promise<Answer> {
    const startedAtMs = Date.now()
    this.#redis ??= await redisAt(this.#address)
    const { beat, changes } = this.#keys
    const pipeline = this.#redis.pipeline().pttl(beat).get<string>(beat)
    pipeline.xrevrange(changes, '+', '-', this.#recordsAsked)
    const [lifeMs, sealedBeat, entries] = await pipeline.exec<[unknown, unknown, unknown]>()
    return {
      lifeMs: Number(lifeMs),
      sealedBeat: typeof sealedBeat === 'string' ? sealedBeat : null,
      sealedRecords: Array.isArray(entries) ? entries.flatMap(sealedRecordIn) : [],
      tookMs: Math.max(Date.now() - startedAtMs, 0),
    }
  }

  async #beatIn({ sealedBeat }: Answer): Promise<Beat | null> {
    if (sealedBeat === null) return null
    const text = await unseal(sealedBeat, this.#keys.beat, [this.#cell])
    return text === null ? null : parseBeat(text)
  }

  /** Whatever is forged, altered or malformed is as good as not there. */
  async #recordsIn({ sealedRecords }: Answer): Promise<Batch[]> {
    const texts = await Promise.all(
      sealedRecords.map((sealed) => unseal(sealed, this.#keys.changes, [this.#cell])),
    )
    return texts.flatMap((text) => (text === null ? [] : (parseRecord(text) ?? [])))
  }

  /** The beat's age now, at most; `null` when that cannot be told or is too much. */
  #ageOf({ lifeMs, sealedBeat, tookMs }: Answer): number | null {
    const spentMs = BEAT_LIFE_MS - lifeMs
    // Below zero Redis's clock was set back, or the expiry is not the relay's.
    if (sealedBeat === null || !Number.isFinite(spentMs) || spentMs < 0) return null
    const nowMs = Date.now()
    if (this.#seen?.sealedBeat !== sealedBeat) {
      this.#seen = { sealedBeat, atMs: nowMs, ageMs: spentMs + tookMs }
    }
    const ageMs = Math.max(spentMs + tookMs, this.#seen.ageMs + nowMs - this.#seen.atMs)
    return ageMs <= STREAM_AGE_MS_MAX ? ageMs : null
  }

  #pause(reason: 'streamFailures' | 'streamSilences'): null {
    this.counters[reason] += 1
    this.#pausedUntilMs = Date.now() + STREAM_PAUSE_MS
    return null
  }
}

/** An entry is its id and its fields, each name before its value. */
function sealedRecordIn(entry: unknown): string[] {
  const fields: unknown = Array.isArray(entry) ? entry[1] : null
  if (!Array.isArray(fields) || fields[0] !== RECORD_FIELD) return []
  return typeof fields[1] === 'string' ? [fields[1]] : []
}

/** Loaded when it is first needed: an edge without Redis does not pay for its client at start. */
async function redisAt({ url, token }: RedisAddress): Promise<Redis> {
  const { Redis } = await import('@upstash/redis/cloudflare')
  return new Redis({
    url,
    token,
    // `false` would still try twice; the cell is the retry.
    retry: { retries: 0 },
    // As a function, or an abort would be answered as if it were Redis's word.
    signal: () => AbortSignal.timeout(STREAM_TIMEOUT_MS),
    readYourWrites: false,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
  })
}
