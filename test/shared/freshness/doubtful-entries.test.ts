/** Entries that say more of themselves than anybody knows, and failures that may not be covered up. */
import { beforeEach, describe, expect, it } from 'vitest'
import { CachedReads, type Served } from '../../../shared/freshness/cached-reads.ts'
import type { Entry } from '../../../shared/freshness/entry.ts'
import { FEED_STALE_MS_MAX } from '../../../shared/freshness/feed.ts'
import { FEED_RETRY_MS, FeedFollower } from '../../../shared/freshness/follower.ts'
import { MemoryTier } from '../../../shared/freshness/memory-tier.ts'
import { CellModel, ColoModel, entryOf, textOf } from './cell-model.ts'
import { background, FeedModel, ModelSource } from './feed-model.ts'

const TEA = { text: 'tea1', tags: ['product:tea'] }
let feed: FeedModel
let source: ModelSource
let cell: CellModel
let colo: ColoModel
let nowMs: number
let reads: CachedReads

beforeEach(async () => {
  feed = new FeedModel({ n: 100 })
  source = new ModelSource(feed)
  cell = new CellModel(feed)
  colo = new ColoModel()
  nowMs = 1_000_000
  const now = () => nowMs
  const follower = new FeedFollower({ source, now })
  reads = new CachedReads({ follower, memory: new MemoryTier(), colo, now })
  cell.write('/tea', TEA)
  await follower.bringUpTo(null, background)
  source.asked.length = 0
})

async function read(key: string, staleIfErrorSeconds = 60): Promise<Served> {
  const request = { key, origin: cell, position: null, staleIfErrorSeconds }
  return await reads.read(request, background)
}

async function put(key: string, entry: Entry): Promise<void> {
  await colo.set(key, entry, 60)
}

describe('an entry of the colo stamped with a change that nobody has told of', () => {
  it('is served once the cell has told of it', async () => {
    const { n: stamp, history } = cell.write('/tea', { ...TEA, text: 'tea2' })
    await put('/tea', entryOf({ ...TEA, text: 'tea2' }, { stamp, history }))
    expect(await read('/tea')).toMatchObject({ from: 'colo', position: { n: stamp } })
    expect(source.asked).toEqual(['direct'])
    expect(cell.asked).toHaveLength(0)
  })

  it('is dropped when the cell knows of no such change, and replaced', async () => {
    const poison = { ...TEA, text: 'poison' }
    await put('/tea', entryOf(poison, { stamp: 9_000_000, history: 'h1' }))
    const served = await read('/tea')
    expect(served).toMatchObject({ from: 'origin', position: { n: 101 } })
    expect(served.kind === 'entry' && textOf(served.entry)).toBe('tea1')
    expect(cell.asked).toMatchObject([{ stale: null }])
    expect(await colo.get('/tea')).toMatchObject({ stamp: 101 })
    const written = cell.write('/tea', { ...TEA, text: 'tea2' })
    const request = { key: '/tea', origin: cell, position: written, staleIfErrorSeconds: 60 }
    const after = await reads.read(request, background)
    expect(after.kind === 'entry' && textOf(after.entry)).toBe('tea2')
  })

  it('is dropped when the cell cannot be asked', async () => {
    await put('/tea', entryOf(TEA, { stamp: 9_000_000, history: 'h1' }))
    source.isDown = true
    cell.isDown = true
    expect(await read('/tea')).toMatchObject({ kind: 'unavailable' })
  })

  it('of another history is not served either', async () => {
    await put('/tea', entryOf({ ...TEA, text: 'poison' }, { stamp: 9_000_000, history: 'h9' }))
    const served = await read('/tea')
    expect(served.kind === 'entry' && textOf(served.entry)).toBe('tea1')
  })
})

describe('when nothing can be shown', () => {
  it('the reason is what the tier below threw, for those who joined as well', async () => {
    cell.isHolding = true
    const reading = Array.from({ length: 3 }, () => read('/tea'))
    await expect.poll(() => cell.held.length).toBe(1)
    cell.held[0]!.fail()
    for (const served of await Promise.all(reading)) {
      expect(served).toEqual({ kind: 'unavailable', cause: new Error('the cell was cut off') })
    }
  })

  it('the reason is what the feed’s source threw, when nothing can be vouched for', async () => {
    source.isDown = true
    nowMs += FEED_STALE_MS_MAX + 1
    const unavailable = { kind: 'unavailable', cause: new Error('the cell is down') }
    expect(await read('/tea')).toEqual(unavailable)
    nowMs += FEED_RETRY_MS / 2
    expect(await read('/tea')).toEqual(unavailable)
  })

  it('no copy stands in where none may, however young', async () => {
    await read('/tea', 0)
    source.isDown = true
    nowMs += FEED_STALE_MS_MAX + 1
    expect(await read('/tea', 0)).toMatchObject({ kind: 'unavailable' })
  })

  it('not even within the moment in which it was read', async () => {
    await read('/tea', 0)
    cell.isDown = true
    feed.commit('product:tea')
    const request = { key: '/tea', origin: cell, position: feed.position, staleIfErrorSeconds: 0 }
    expect(await reads.read(request, background)).toMatchObject({ kind: 'unavailable' })
    const plain = { key: '/tea', origin: cell, position: null, staleIfErrorSeconds: 0 }
    expect(await reads.read(plain, background)).toMatchObject({ kind: 'unavailable' })
  })
})
