/**
 * The cell's shield: answers of cached contracts in this process's memory, under the same protocol as at the edge.
 *
 * It follows the feed at the primary. An edge's minimum is to it what a shopper's position is to the edge: what it knows
 * must reach it before anything is answered, so a shield can be of any age and still never be behind who asks.
 */
import {
  CachedReads,
  type Fetched,
  NO_COLO,
  type Served,
} from '../../shared/freshness/cached-reads.ts'
import type { Entry } from '../../shared/freshness/entry.ts'
import { FeedFollower } from '../../shared/freshness/follower.ts'
import { MemoryTier } from '../../shared/freshness/memory-tier.ts'
import { formatPosition, type Position, parsePosition } from '../../shared/freshness/position.ts'
import { freshnessReport } from '../../shared/freshness/report.ts'
import { HEADERS } from '../../shared/headers.ts'
import { PROBLEM_CONTENT_TYPE, Problem } from '../../shared/problems.ts'
import type { Database } from './database.ts'
import { primaryFeed } from './feed.ts'
import type { Incoming, Route, Snapshot } from './implement.ts'
import type { SnapshotReads } from './snapshots.ts'
import { validated } from './validated.ts'

const encoder = new TextEncoder()

interface Asked {
  readonly minimum: Position | null
  readonly stale: Entry | null
}

export class Shield {
  readonly #follower: FeedFollower
  readonly #memory: MemoryTier
  readonly #reads: CachedReads
  readonly #snapshots: SnapshotReads
  #minimumText: string | null | undefined
  #minimum: Position | null = null

  constructor(options: { feed: Database; snapshots: SnapshotReads; bytesMax: number }) {
    const now = () => performance.now()
    this.#snapshots = options.snapshots
    this.#follower = new FeedFollower({ source: primaryFeed(options.feed), now })
    this.#memory = new MemoryTier(options.bytesMax)
    this.#reads = new CachedReads({
      follower: this.#follower,
      memory: this.#memory,
      colo: NO_COLO,
      now,
    })
  }

  /**
   * Answers a cached contract: from memory, from a read under way, or by its handler's own.
   *
   * @throws what the handler threw, also into those who waited for the same; what the feed's statement threw, when the
   *   database cannot vouch for anything.
   */
  async answer(route: Route, incoming: Incoming): Promise<Response> {
    let refusal: Problem | null = null
    const request = {
      key: incoming.key,
      position: this.#minimumIn(incoming.header(HEADERS.minimum)),
      staleIfErrorSeconds: 0,
      origin: {
        fetch: (asked: Asked) =>
          this.#fetch(route, incoming, asked).catch((error: unknown): Fetched => {
            // What is wrong with the request is its caller's to know; the rest is a failure of this tier.
            if (!(error instanceof Problem) || error.status >= 500) throw error
            refusal = error
            return { kind: 'response', response: error.toResponse() }
          }),
      },
    }
    const served =
      this.#reads.fromMemory(request, background) ?? (await this.#reads.read(request, background))
    if (served.kind === 'response') throw refusal
    if (served.kind === 'unavailable') throw served.cause ?? new Problem('cell.unavailable')
    return responseOf(served, incoming.header('if-none-match'))
  }

  /** Edges name the same minimum until something changes, so it is read once. */
  #minimumIn(text: string | null | undefined): Position | null {
    if (text !== this.#minimumText) {
      this.#minimumText = text
      this.#minimum = parsePosition(text, 'catalogue')
    }
    return this.#minimum
  }

  get health() {
    return {
      ...freshnessReport(this.#reads.counters, this.#follower),
      memory: { entries: this.#memory.size, bytes: this.#memory.bytes },
      snapshots: this.#snapshots.counters,
    }
  }

  async #fetch(
    route: Route,
    incoming: Incoming,
    { minimum, stale }: Asked,
  ): Promise<Extract<Fetched, { kind: 'entry' }>> {
    const askedAtMs = performance.now()
    const { actor, market, locale, group, userAgent } = incoming
    const snapshots = this.#snapshots.atLeast(minimum)
    const context = {
      actor,
      market,
      locale,
      group,
      userAgent,
      snapshots,
      ...validated(route, incoming),
    }
    const snapshot = (await route.handler(context as never)) as Snapshot
    return { kind: 'entry', ...entryOf(snapshot, { askedAtMs, stale }), shielded: false }
  }
}

/** Polls and fills never reject; what is not waited for needs nothing to keep it alive in this process. */
function background(_: Promise<unknown>): void {}

function entryOf(
  snapshot: Snapshot,
  { askedAtMs, stale }: { askedAtMs: number; stale: Entry | null },
): { entry: Entry; renewed: boolean } {
  const { stamp, tags, lifeSeconds = Number.POSITIVE_INFINITY } = snapshot
  const read = {
    tags,
    stamp: stamp.n,
    history: stamp.history,
    untilMs: askedAtMs + lifeSeconds * 1_000,
  }
  if ('problem' in snapshot) {
    const { problem } = snapshot
    const body = encoder.encode(JSON.stringify(problem.toDetails()))
    const entry: Entry = {
      ...read,
      status: 404,
      body,
      contentType: PROBLEM_CONTENT_TYPE,
      etag: null,
    }
    return { entry, renewed: false }
  }
  const { etag } = snapshot
  if (stale?.etag === etag) return { entry: { ...stale, ...read }, renewed: true }
  const body = encoder.encode(snapshot.body)
  const entry: Entry = { ...read, status: 200, body, contentType: 'application/json', etag }
  return { entry, renewed: false }
}

function responseOf(
  { entry, from }: Extract<Served, { kind: 'entry' }>,
  ifNoneMatch: string | null | undefined,
): Response {
  const { status, body, contentType, etag, tags, stamp, history, untilMs } = entry
  const headers: Record<string, string> = {
    [HEADERS.stamp]: formatPosition('catalogue', { n: stamp, history }),
    [HEADERS.tags]: tags.join(' '),
    [HEADERS.cacheStatus]: from === 'memory' ? 'tradewind-cell; hit' : 'tradewind-cell; fwd=miss',
    'cache-control': 'no-cache',
  }
  if (Number.isFinite(untilMs)) {
    const seconds = Math.max(0, Math.floor((untilMs - performance.now()) / 1_000))
    headers[HEADERS.life] = String(seconds)
  }
  if (etag !== null) headers.etag = etag
  if (etag !== null && ifNoneMatch === etag) return new Response(null, { status: 304, headers })
  headers['content-type'] = contentType
  return new Response(body, { status, headers })
}
