/** The cached reads of one isolate: its memory, its colo's cache, the cell behind them, and the feed it follows. */
import { CachedReads, type Origin } from '../../shared/freshness/cached-reads.ts'
import { FORCED_POLL_SPACING_MS } from '../../shared/freshness/feed.ts'
import { FeedFollower } from '../../shared/freshness/follower.ts'
import { MemoryTier } from '../../shared/freshness/memory-tier.ts'
import type { EdgeConfig } from '../config.ts'
import { cellOrigin } from './cell-origin.ts'
import { coloTier } from './colo-tier.ts'
import { type CellFeed, cellFeed } from './feed-source.ts'

export interface EdgeReads {
  /** Where the follower's batches come from; counts by which way. */
  readonly source: CellFeed
  readonly follower: FeedFollower
  readonly memory: MemoryTier
  readonly reads: CachedReads
  readonly origin: Origin
}

/** @param memory as large as an isolate may have it, unless told otherwise. */
export function openReads(config: EdgeConfig, cache: Cache, memory = new MemoryTier()): EdgeReads {
  const { defaultCell, environment } = config
  const now = () => Date.now()
  const source = cellFeed(defaultCell, cache, config)
  const forcedSpacingMs = FORCED_POLL_SPACING_MS
  const follower = new FeedFollower({ source, now, forcedSpacingMs })
  const colo = coloTier(cache, defaultCell, environment)
  const reads = new CachedReads({ follower, memory, colo, now })
  return { source, follower, memory, reads, origin: cellOrigin(defaultCell) }
}
