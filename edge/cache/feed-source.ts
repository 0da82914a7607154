/** The feed from the cell, or from the stream it relays to, with one answer shared by the isolates of a colo. */
import { answerPlace, type Batch, parseBatch } from '../../shared/freshness/feed.ts'
import { batchSince } from '../../shared/freshness/feed-stream.ts'
import type { FeedSource } from '../../shared/freshness/follower.ts'
import type { FeedName } from '../../shared/freshness/position.ts'
import { HEADERS } from '../../shared/headers.ts'
import { seal, unseal } from '../../shared/signing/seal.ts'
import type { Cell, EdgeConfig } from '../config.ts'
import { fetchSigned } from '../forward/fetch-signed.ts'
import { FeedStream, newStreamCounters, type StreamCounters } from './feed-stream.ts'

const FEED_TIMEOUT_MS = 2_000
/** The finest life the Cache API knows. */
const SHARED_SECONDS = 1
/** How many changes behind the filler a neighbour may be and still use its copy. */
const SHARED_REACH = 50
export interface FeedSourceCounters extends StreamCounters {
  /** Times a copy in the colo was enough. */
  sharedCopies: number
  /** Times the cell was asked: for a colo's copy, and for one reader's position or gap. */
  cellFills: number
  cellPolls: number
}

export interface CellFeed extends FeedSource {
  readonly counters: FeedSourceCounters
}

interface Aged {
  readonly batch: Batch
  /** At most, now; in a copy, when it was left. */
  readonly ageMs: number
}

/**
 * Asks the stream before the cell for what a colo shares, when there is a Redis. The `cell` feed is not relayed: few
 * edges follow it, and it rarely changes.
 */
export function cellFeed(
  cell: Cell,
  cache: Cache,
  options: Pick<EdgeConfig, 'environment' | 'redis'> & { feed?: FeedName },
): CellFeed {
  const { environment, redis, feed = 'catalogue' } = options
  const isRelayed = redis !== null && feed === 'catalogue'
  const stream = isRelayed ? new FeedStream(cell, redis) : null
  const copy = coloCopy(
    cache,
    cell,
    `https://cache.tradewind/feed/3/${environment}/${cell.name}/${feed}`,
  )
  const counts = { sharedCopies: 0, cellFills: 0, cellPolls: 0 }

  async function ask(from: number | null): Promise<Batch> {
    const path = `/internal/feed?feed=${feed}${from === null ? '' : `&from=${from}`}`
    const question = crypto.randomUUID()
    const response = await fetchSigned(cell, {
      method: 'GET',
      path,
      headers: new Headers({ [HEADERS.question]: question }),
      timeoutMs: FEED_TIMEOUT_MS,
    })
    const sealed = response.ok ? await response.text() : ''
    // An earlier answer would vouch for knowledge that is as old as it is: the seal is for this question alone.
    const text = await unseal(sealed, answerPlace(question), [cell])
    const batch = text === null ? null : parseBatch(JSON.parse(text))
    if (batch?.feed !== feed) throw new Error('the cell answered with no usable batch')
    return batch
  }

  async function fill(known: number | null): Promise<Aged> {
    // A token's whole life is in the window of the `cell` feed, so that a neighbour who knows nothing yet can judge.
    const isReached = known !== null && feed === 'catalogue'
    const from = isReached ? Math.max(0, known - SHARED_REACH) : null
    const streamed = (await stream?.newest(known)) ?? null
    if (streamed !== null) {
      return { ...streamed, batch: batchSince(streamed.batch, from ?? streamed.batch.from) }
    }
    counts.cellFills += 1
    const startedAtMs = Date.now()
    const batch = await ask(from)
    return { batch, ageMs: Math.max(Date.now() - startedAtMs, 0) }
  }

  return {
    get counters() {
      return { ...counts, ...(stream?.counters ?? newStreamCounters()) }
    },
    direct: async (from) => {
      counts.cellPolls += 1
      return await ask(from)
    },
    shared: async (known) => {
      const shared = await copy.take()
      if (shared === null) return await copy.leave(await fill(known))
      counts.sharedCopies += 1
      return shared
    },
  }
}

/** What is left for the neighbours: written by an edge alone, which the seal shows, so that it needs no other check. */
interface Copy extends Aged {
  readonly copy: string
}

/** The copy of a batch that the isolates of a colo share. */
function coloCopy(cache: Cache, cell: Cell, address: string) {
  /** The copy seen last, and how old it could be at first sight. A cache may keep one longer than it was told. */
  let seen: { copy: string; atMs: number; ageMs: number } | null = null
  let lastMs = Number.NEGATIVE_INFINITY

  return {
    take: async (): Promise<Aged | null> => {
      const stored = await cache.match(address).catch(() => undefined)
      const sealed = (await stored?.text().catch(() => null)) ?? ''
      const text = await unseal(sealed, address, [cell])
      if (text === null) return null
      const { copy, ageMs, batch } = JSON.parse(text) as Copy
      const nowMs = Date.now()
      const isSetBack = nowMs < lastMs
      lastMs = nowMs
      if (seen?.copy !== copy) {
        seen = { copy, atMs: nowMs, ageMs: ageMs + SHARED_SECONDS * 1_000 }
      } else if (isSetBack) {
        // How long we have known it can no longer be told.
        return null
      }
      return { batch, ageMs: seen.ageMs + nowMs - seen.atMs }
    },

    /** @returns what was left, as old as it is by then. */
    leave: async ({ batch, ageMs }: Aged): Promise<Aged> => {
      const copy = crypto.randomUUID()
      const atMs = Date.now()
      lastMs = atMs
      seen = { copy, atMs, ageMs }
      const left: Copy = { copy, ageMs, batch }
      const sealed = await seal(JSON.stringify(left), address, [cell])
      const headers = { 'cache-control': `public, max-age=${SHARED_SECONDS}` }
      await cache.put(address, new Response(sealed, { headers })).catch(() => undefined)
      return { batch, ageMs: ageMs + Date.now() - atMs }
    },
  }
}
