import { beforeEach, expect, it } from 'vitest'
import { CachedReads, NO_COLO } from '../../../shared/freshness/cached-reads.ts'
import { FeedFollower } from '../../../shared/freshness/follower.ts'
import { MemoryTier } from '../../../shared/freshness/memory-tier.ts'
import { freshnessReport } from '../../../shared/freshness/report.ts'
import { CellModel } from './cell-model.ts'
import { background, FeedModel, ModelSource } from './feed-model.ts'

let nowMs: number
let follower: FeedFollower
let reads: CachedReads
let read: () => Promise<unknown>

beforeEach(() => {
  nowMs = 1_000_000
  const now = () => nowMs
  const feed = new FeedModel({ n: 7 })
  const origin = new CellModel(feed)
  origin.write('/a', { text: 'a1', tags: ['product:a'] })
  follower = new FeedFollower({ source: new ModelSource(feed), now })
  reads = new CachedReads({ follower, memory: new MemoryTier(), colo: NO_COLO, now })
  const request = { key: '/a', origin, position: null, staleIfErrorSeconds: 60 }
  read = () => reads.read(request, background)
})

it('before the first read says nothing of hits, and knows of no feed', () => {
  expect(freshnessReport(reads.counters, follower)).toMatchObject({
    hitRatio: { memory: 0, colo: 0, shield: 0 },
    stalenessBound: { p50Ms: null, p99Ms: null },
    feed: { ageMs: null, history: null },
  })
})

it('names the share of each tier and the age of the knowledge that vouched for the hits', async () => {
  await read()
  for (let hits = 0; hits < 2; hits += 1) await read()
  nowMs += 900
  await read()
  expect(freshnessReport(reads.counters, follower)).toMatchObject({
    reads: { memoryHits: 3, fills: 1 },
    hitRatio: { memory: 0.75, colo: 0, shield: 0 },
    stalenessBound: { p50Ms: 100, p99Ms: 1_000 },
    feed: { n: 8, history: 'h1' },
  })
})
