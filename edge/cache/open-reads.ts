/** The cached reads of one isolate: its memory, its colo's cache, the cell behind them, and the feed it follows. */
import { CachedReads, type Origin } from '../../shared/freshness/cached-reads.ts'
import { FeedFollower } from '../../shared/freshness/follower.ts'
import { MemoryTier } from '../../shared/freshness/memory-tier.ts'
import type { EdgeConfig } from '../config.ts'
import { cellOrigin } from './cell-origin.ts'
import { coloTier } from './colo-tier.ts'
import { cellFeed } from './feed-source.ts'

export interface EdgeReads {
  readonly follower: FeedFollower
  readonly memory: MemoryTier
  readonly reads: CachedReads
  readonly origin: Origin
}

export function openReads(
  { defaultCell, environment }: EdgeConfig,
  cache: Cache,
  memory = new MemoryTier(),
): EdgeReads {
  const now = () => Date.now()
  const follower = new FeedFollower({ source: cellFeed(defaultCell, cache, environment), now })
  const colo = coloTier(cache, environment)
  const reads = new CachedReads({ follower, memory, colo, now })
  return { follower, memory, reads, origin: cellOrigin(defaultCell) }
}
