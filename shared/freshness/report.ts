/** What the counters of one tier come to: where answers come from, and how stale a hit can have been. */
import { type ReadCounters, VOUCHED_MS } from './cached-reads.ts'
import type { FeedFollower } from './follower.ts'

export interface FreshnessReport {
  readonly reads: ReadCounters
  /** Shares of all reads, by where their answer came from; the rest went to the database, or was not to be had. */
  readonly hitRatio: { readonly memory: number; readonly colo: number; readonly shield: number }
  /**
   * The age of the knowledge that vouched for so many of the hits, at most, in milliseconds: a bound on how long
   * somebody else's change can have been missing from them. `null` before the first hit.
   */
  readonly stalenessBound: { readonly p50Ms: number | null; readonly p99Ms: number | null }
  readonly feed: FeedFollower['counters'] & {
    readonly ageMs: number | null
    readonly n: number
    readonly floor: number
    readonly history: string | null
  }
}

export function freshnessReport(reads: ReadCounters, follower: FeedFollower): FreshnessReport {
  const { memoryHits, coloHits, shieldHits, fills, collapsed, refetches } = reads
  const all =
    memoryHits + coloHits + fills - refetches + collapsed + reads.staleServed + reads.unavailable
  const share = (hits: number) => (all === 0 ? 0 : Math.round((hits / all) * 10_000) / 10_000)
  const { n, floor, history } = follower.knowledge
  const ageMs = Number.isFinite(follower.ageMs) ? Math.round(follower.ageMs) : null
  return {
    reads,
    hitRatio: { memory: share(memoryHits), colo: share(coloHits), shield: share(shieldHits) },
    stalenessBound: { p50Ms: vouchedFor(reads, 0.5), p99Ms: vouchedFor(reads, 0.99) },
    feed: { ...follower.counters, ageMs, n, floor, history },
  }
}

function vouchedFor({ vouched }: ReadCounters, share: number): number | null {
  const all = vouched.reduce((sum, count) => sum + count, 0)
  let within = 0
  for (const [step, count] of vouched.entries()) {
    within += count
    if (all > 0 && within >= all * share) return VOUCHED_MS[step]!
  }
  return null
}
