/**
 * The protocol's rules, each left out: parts of an edge in which one rule is not kept. The product knows nothing of
 * them.
 */
import { createEdge } from '../../edge/app.ts'
import { Identities } from '../../edge/auth/identify.ts'
import { cellOrigin } from '../../edge/cache/cell-origin.ts'
import { coloTier } from '../../edge/cache/colo-tier.ts'
import { cellFeed } from '../../edge/cache/feed-source.ts'
import { readEdgeConfig } from '../../edge/config.ts'
import {
  CachedReads,
  type CachedRequest,
  type Flight,
  type Served,
} from '../../shared/freshness/cached-reads.ts'
import type { Entry } from '../../shared/freshness/entry.ts'
import {
  type Batch,
  FORCED_POLL_SPACING_MS,
  type Incarnation,
} from '../../shared/freshness/feed.ts'
import { FeedFollower, type Milliseconds, type WaitUntil } from '../../shared/freshness/follower.ts'
import { type Applied, type Judged, Knowledge } from '../../shared/freshness/knowledge.ts'
import { MemoryTier } from '../../shared/freshness/memory-tier.ts'
import type { Position } from '../../shared/freshness/position.ts'
import { isFeed } from './colo.ts'
import type { EdgeMaker } from './edges.ts'

type ReadsParts = ConstructorParameters<typeof CachedReads>[0]

/** The parts of an edge that a policy replaces; the others are the product's. */
export interface Policy {
  readonly knowledge?: () => Knowledge
  readonly reads?: (parts: ReadsParts) => CachedReads
  readonly now?: Milliseconds
  /** What the colo's cache is to this edge. */
  readonly cache?: (cache: Cache) => Cache
}

/** @param policyOf called once an edge. */
export function edgeWith(policyOf: (index: number) => Policy): EdgeMaker {
  return (bindings, coloCache, index) => {
    const policy = policyOf(index)
    const { knowledge, reads = ownReads, now = Date.now } = policy
    const cache = policy.cache?.(coloCache) ?? coloCache
    const config = readEdgeConfig(bindings)
    const { defaultCell, environment } = config
    const source = cellFeed(defaultCell, cache, config)
    const follower = new FeedFollower({
      source,
      now,
      forcedSpacingMs: FORCED_POLL_SPACING_MS,
      ...(knowledge && { knowledge: knowledge() }),
    })
    const memory = new MemoryTier()
    const parts = { follower, memory, colo: coloTier(cache, config.defaultCell, environment), now }
    const origin = cellOrigin(defaultCell)
    const edgeReads = { source, follower, memory, reads: reads(parts), origin }
    return createEdge(config, edgeReads, new Identities(config, cache))
  }
}

const ownReads = (parts: ReadsParts) => new CachedReads(parts)

/** A cache that hands out the feed's answers as they were so long ago, and everything else as it is. */
export function lateFeed(cache: Cache, lateMs: number): Cache {
  const seen: { response: Response; atMs: number }[] = []
  const match = async (address: RequestInfo | URL) => {
    const response = await cache.match(address)
    if (!isFeed(String(address))) return response
    const nowMs = performance.now()
    if (response !== undefined) seen.push({ response, atMs: nowMs })
    while (seen.length > 1 && seen[1]!.atMs <= nowMs - lateMs) seen.shift()
    return seen[0]?.response.clone()
  }
  return { match, put: cache.put.bind(cache) } as Cache
}

/** Takes what a batch says for the newest, though it may be an old one. */
export class WithoutMax extends Knowledge {
  protected override newest(_known: number, given: number): number {
    return given
  }
}

/** Takes an entry from before the oldest change it knows for fresh. */
export class WithoutFloor extends Knowledge {
  override isFresh(entry: Judged): boolean {
    return super.isFresh({ ...entry, stamp: Math.max(entry.stamp, this.floor) })
  }
}

/** Takes a batch in, though there are changes before it that it has never seen. */
export class WithoutGap extends Knowledge {
  override apply(batch: Batch): Applied {
    const isGap = this.history !== null && batch.from > this.n
    return super.apply(isGap ? { ...batch, from: this.n } : batch)
  }
}

/** Takes every history for the first one it heard of. */
export class WithoutIncarnation extends Knowledge {
  #first: Incarnation | null = null

  override apply(batch: Batch): Applied {
    this.#first ??= batch.incarnation
    return super.apply({ ...batch, incarnation: this.#first })
  }

  override covers(position: Position): boolean {
    return super.covers({ ...position, history: this.history ?? position.history })
  }

  override isFresh(entry: Judged): boolean {
    return super.isFresh({ ...entry, history: this.history ?? entry.history })
  }
}

/** Never looks at a reader's position. */
export class WithoutPosition extends CachedReads {
  override fromMemory(request: CachedRequest, waitUntil: WaitUntil): Served | null {
    return super.fromMemory({ ...request, position: null }, waitUntil)
  }

  override read(request: CachedRequest, waitUntil: WaitUntil): Promise<Served> {
    return super.read({ ...request, position: null }, waitUntil)
  }
}

/** Tells the cell no minimum, and asks none of what arrives. */
export class WithoutMinimum extends CachedReads {
  protected override minimumFor(): Position | null {
    return null
  }

  protected override isEnough(): boolean {
    return true
  }
}

/**
 * Joins any request under way, and takes what it brings for the answer to one's own. Joining alone would not show:
 * what arrives is judged like a cached entry, so this judgement is left out for those who joined.
 */
export function withoutFlight(): Policy {
  const joined = new WeakSet<Judged>()
  class TrustsJoined extends Knowledge {
    override isFresh(entry: Judged): boolean {
      return joined.delete(entry) || super.isFresh(entry)
    }
  }
  class JoinsAny extends CachedReads {
    protected override mayJoin(flight: Flight): boolean {
      void flight.done.then((fetched) => {
        if (fetched?.kind === 'entry') joined.add(fetched.entry)
      })
      return true
    }

    protected override isEnough(entry: Entry, minimum: Position | null): boolean {
      return joined.has(entry) || super.isEnough(entry, minimum)
    }
  }
  return { knowledge: () => new TrustsJoined(), reads: (parts) => new JoinsAny(parts) }
}
