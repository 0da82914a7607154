/** Entries that are served while their stamp is old are stamped anew, for the isolates that start later. */
import { beforeEach, describe, expect, it } from 'vitest'
import { CachedReads } from '../../../shared/freshness/cached-reads.ts'
import { FEED_STALE_MS_MAX, FEED_WINDOW } from '../../../shared/freshness/feed.ts'
import { FeedFollower } from '../../../shared/freshness/follower.ts'
import { MemoryTier } from '../../../shared/freshness/memory-tier.ts'
import { CellModel, ColoModel } from './cell-model.ts'
import { background, FeedModel, ModelSource } from './feed-model.ts'

let feed: FeedModel
let origin: CellModel
let colo: ColoModel
let nowMs: number
let isolate: () => CachedReads
let reads: CachedReads

beforeEach(() => {
  feed = new FeedModel({ n: 100 })
  const source = new ModelSource(feed)
  origin = new CellModel(feed)
  colo = new ColoModel()
  nowMs = 1_000_000
  const now = () => nowMs
  isolate = () => {
    const follower = new FeedFollower({ source, now })
    return new CachedReads({ follower, memory: new MemoryTier(), colo, now })
  }
  reads = isolate()
  origin.write('/a', { text: 'a1', tags: ['product:a'] })
})

function read(key: string) {
  return reads.read({ key, origin, position: null, staleIfErrorSeconds: 60 }, background)
}

describe('re-stamping', () => {
  it('raises the stamp of what is served to the knowledge it was judged by', async () => {
    await read('/a')
    feed.commit('product:b')
    nowMs += FEED_STALE_MS_MAX + 1
    expect(await read('/a')).toMatchObject({ from: 'memory', entry: { stamp: feed.n } })
  })

  it('keeps what is served within the window that a new isolate knows', async () => {
    await read('/a')
    for (let round = 0; round < 12; round += 1) {
      for (let index = 0; index < FEED_WINDOW / 4; index += 1) feed.commit('product:b')
      nowMs += FEED_STALE_MS_MAX + 1
      await read('/a')
    }
    const stored = await colo.get('/a')
    expect(feed.n - stored!.stamp).toBeLessThan(FEED_WINDOW)
  })

  it('also by an isolate that found it in the colo', async () => {
    await read('/a')
    reads = isolate()
    for (let index = 0; index < FEED_WINDOW / 2; index += 1) feed.commit('product:b')
    await read('/a')
    for (let index = 0; index < FEED_WINDOW / 2; index += 1) feed.commit('product:b')
    nowMs += FEED_STALE_MS_MAX + 1
    await read('/a')
    const stored = await colo.get('/a')
    expect(feed.n - stored!.stamp).toBeLessThan(FEED_WINDOW)
  })

  it('does not write to the colo for every change', async () => {
    await read('/a')
    for (let round = 0; round < 10; round += 1) {
      feed.commit('product:b')
      nowMs += FEED_STALE_MS_MAX + 1
      await read('/a')
    }
    expect(colo.writes).toBe(1)
  })
})
