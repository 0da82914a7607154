import { beforeEach, describe, expect, it, vi } from 'vitest'
import { CachedReads, type Served } from '../../../shared/freshness/cached-reads.ts'
import { FEED_STALE_MS_MAX } from '../../../shared/freshness/feed.ts'
import { FEED_RETRY_MS, FeedFollower } from '../../../shared/freshness/follower.ts'
import { MemoryTier } from '../../../shared/freshness/memory-tier.ts'
import type { Position } from '../../../shared/freshness/position.ts'
import { CellModel, ColoModel, entryOf, textOf } from './cell-model.ts'
import { background, FeedModel, ModelSource, settle } from './feed-model.ts'

const STALE_SECONDS = 60

let feed: FeedModel
let source: ModelSource
let cell: CellModel
let colo: ColoModel
let nowMs: number
let reads: CachedReads

beforeEach(() => {
  feed = new FeedModel({ n: 100 })
  source = new ModelSource(feed)
  cell = new CellModel(feed)
  colo = new ColoModel()
  nowMs = 1_000_000
  reads = isolate()
  cell.write('/a', { text: 'a1', tags: ['product:a'] })
  cell.write('/b', { text: 'b1', tags: ['product:b'] })
})

/** Another isolate of the same colo. */
function isolate(): CachedReads {
  const now = () => nowMs
  const follower = new FeedFollower({ source, now })
  return new CachedReads({ follower, memory: new MemoryTier(), colo, now })
}

function request(key: string, position: Position | null = null) {
  return { key, origin: cell, position, staleIfErrorSeconds: STALE_SECONDS }
}

function read(key: string, position: Position | null = null, from = reads): Promise<Served> {
  return from.read(request(key, position), background)
}

/** What a reader got, for comparing at a glance. */
function shown(served: Served) {
  if (served.kind !== 'entry') return served.kind
  const { entry, from, forward, renewed, collapsed } = served
  return { text: textOf(entry), from, forward, renewed, collapsed }
}

const plain = { forward: null, renewed: false, collapsed: false }

function breakAll(isDown = true): void {
  source.isDown = isDown
  cell.isDown = isDown
}

describe('a cached read', () => {
  it('is filled from the cell, then served from memory, and from the colo to another isolate', async () => {
    const miss = { ...plain, text: 'a1', from: 'origin', forward: 'miss' }
    expect(shown(await read('/a'))).toEqual(miss)
    expect(shown(await read('/a'))).toEqual({ ...plain, text: 'a1', from: 'memory' })
    expect(reads.fromMemory(request('/a'), background)).toMatchObject({ from: 'memory' })
    const other = isolate()
    expect(shown(await read('/a', null, other))).toEqual({ ...plain, text: 'a1', from: 'colo' })
    expect(shown(await read('/a', null, other))).toEqual({ ...plain, text: 'a1', from: 'memory' })
    expect(cell.asked).toHaveLength(1)
  })

  it('is served from memory without waiting only under current knowledge that covers the reader', async () => {
    await read('/a')
    const { history } = feed.position
    expect(reads.fromMemory(request('/a', { n: feed.n, history }), background)).not.toBeNull()
    expect(reads.fromMemory(request('/a', { n: feed.n + 1, history }), background)).toBeNull()
    expect(reads.fromMemory(request('/a', { n: 1, history: 'h9' }), background)).toBeNull()
    nowMs += FEED_STALE_MS_MAX + 1
    expect(reads.fromMemory(request('/a'), background)).toBeNull()
  })

  it('asks the cell again after a known change, naming what it knows', async () => {
    await read('/a')
    const written = cell.write('/a', { text: 'a2', tags: ['product:a'] })
    const filled = { ...plain, text: 'a2', from: 'origin', forward: 'stale' }
    expect(shown(await read('/a', written))).toEqual(filled)
    expect(cell.asked[1]!.minimum).toEqual(written)
  })

  it('does not ask the cell again after a change of something else', async () => {
    await read('/a')
    const written = cell.write('/b', { text: 'b2', tags: ['product:b'] })
    expect(shown(await read('/a', written))).toMatchObject({ from: 'memory' })
    expect(cell.asked).toHaveLength(1)
  })

  it('that a refusal answers is passed on to the one who asked, and kept nowhere', async () => {
    for (let asks = 1; asks <= 2; asks += 1) {
      const served = await read('/nonsense')
      if (served.kind !== 'response') throw new Error(`unexpected ${served.kind}`)
      expect(await served.response.text()).toBe('invalid')
      expect(cell.asked).toHaveLength(asks)
    }
  })

  it('of something unknown is cached like any other, until it exists', async () => {
    cell.write('/c', { text: 'unknown', tags: ['handle:c'], status: 404 })
    await read('/c')
    const negative = await read('/c')
    expect(negative).toMatchObject({ from: 'memory', entry: { status: 404, etag: null } })
    const created = cell.write('/c', { text: 'c1', tags: ['product:c', 'handle:c'] })
    expect(await read('/c', created)).toMatchObject({ entry: { status: 200 } })
    expect(shown(await read('/c', created))).toMatchObject({ text: 'c1', from: 'memory' })
  })
})

describe('renewal', () => {
  it('asks about the copy at hand, and takes the new stamp with the old bytes', async () => {
    await read('/a')
    const touched = feed.commit('product:a')
    const renewed = await read('/a', touched)
    expect(cell.asked[1]!.stale?.etag).toBe('"a1"')
    expect(shown(renewed)).toEqual({
      ...plain,
      text: 'a1',
      from: 'origin',
      forward: 'stale',
      renewed: true,
    })
    expect(shown(await read('/a', touched))).toMatchObject({ from: 'memory' })
    expect(reads.counters.renewals).toBe(1)
  })

  it('asks about nothing when there is nothing, or only a negative answer', async () => {
    await read('/a')
    cell.write('/c', { text: 'unknown', tags: ['handle:c'], status: 404 })
    await read('/c')
    await read('/c', feed.commit('handle:c'))
    expect(cell.asked[0]!.stale).toBeNull()
    expect(cell.asked[2]!.stale?.etag ?? null).toBeNull()
  })

  it('takes the newer of the copies in memory and in the colo', async () => {
    await read('/a')
    const other = isolate()
    const written = cell.write('/a', { text: 'a2', tags: ['product:a'] })
    await read('/a', written, other)
    const touched = feed.commit('product:a')
    await read('/a', touched)
    expect(cell.asked.at(-1)!.stale?.etag).toBe('"a2"')
  })
})

describe('the position of an answer', () => {
  it('is the newest change among its tags, not the newest there is', async () => {
    const first = await read('/a')
    expect(first).toMatchObject({ position: { n: 101 } })
    for (let index = 0; index < 5; index += 1) feed.commit('product:b')
    nowMs += FEED_STALE_MS_MAX + 1
    expect(await read('/a')).toMatchObject({ from: 'memory', position: { n: 101 } })
  })

  it('is the stamp of an answer that is ahead of what this isolate knows', async () => {
    await read('/b')
    cell.write('/a', { text: 'a2', tags: ['product:a'] })
    feed.commit('product:z')
    const ahead = await read('/a')
    expect(ahead).toMatchObject({ position: { n: feed.n }, entry: { stamp: feed.n } })
  })
})

describe('a read under way', () => {
  it('is joined by readers that need no more than it asked for', async () => {
    await read('/b')
    cell.isHolding = true
    const readers = Array.from({ length: 20 }, () => read('/a'))
    await settle()
    expect(cell.held).toHaveLength(1)
    cell.held[0]!.answer()
    const served = await Promise.all(readers)
    const collapsed = served.filter((each) => each.kind === 'entry' && each.collapsed)
    expect(collapsed).toHaveLength(19)
    expect(reads.counters).toMatchObject({ fills: 2, collapsed: 19 })
    expect(colo.writes).toBe(2)
  })

  it('is not joined by a reader that knows of a change after it', async () => {
    await read('/b')
    cell.isHolding = true
    const early = read('/a')
    await settle()
    const written = cell.write('/a', { text: 'a2', tags: ['product:a'] })
    const writer = read('/a', written)
    await settle()
    expect(cell.held.map(({ asked }) => asked.minimum?.n)).toEqual([written.n - 1, written.n])
    cell.held[1]!.answer()
    expect(shown(await writer)).toMatchObject({ text: 'a2' })
    cell.held[0]!.answer()
    await settle()
    cell.held[2]!.answer()
    expect(shown(await early)).toMatchObject({ text: 'a2' })
    expect(shown(await read('/a', written))).toMatchObject({ text: 'a2', from: 'memory' })
  })

  it('that refuses the request is repeated for each reader, whose response is its own', async () => {
    await read('/b')
    cell.isHolding = true
    const one = read('/nonsense')
    const other = read('/nonsense')
    await settle()
    cell.held[0]!.answer()
    await settle()
    cell.held[1]!.answer()
    for (const served of [await one, await other]) {
      expect(served.kind === 'response' && (await served.response.text())).toBe('invalid')
    }
  })

  it('that never settles is given up for one of the reader’s own', async () => {
    await read('/b')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      cell.isHolding = true
      void read('/a')
      await settle()
      const reader = read('/a')
      await settle()
      expect(cell.held).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(60_000)
      expect(cell.held).toHaveLength(2)
      cell.held[1]!.answer()
      expect(shown(await reader)).toMatchObject({ text: 'a1', collapsed: false })
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('what arrives', () => {
  it('is tested like a cached entry, and fetched once more naming the change if it fails', async () => {
    await read('/b')
    cell.isHolding = true
    const reader = read('/a')
    await settle()
    const written = cell.write('/a', { text: 'a2', tags: ['product:a'] })
    await read('/b', written)
    cell.held[0]!.answer()
    await settle()
    expect(cell.held[1]!.asked).toMatchObject({ minimum: written, stale: null })
    cell.held[1]!.answer()
    expect(shown(await reader)).toMatchObject({ text: 'a2' })
    expect(reads.counters.refetches).toBe(1)
  })

  it('with less than was asked for, twice, is as good as a cell that cannot be reached', async () => {
    await read('/a')
    const old = entryOf({ text: 'a1', tags: ['product:a'] }, { stamp: 101, history: 'h1' })
    const written = cell.write('/a', { text: 'a2', tags: ['product:a'] })
    cell.fetch = () =>
      Promise.resolve({ kind: 'entry', entry: { ...old }, renewed: false, shielded: false })
    expect(shown(await read('/a', written))).toBe('unavailable')
    expect(shown(await read('/a'))).toMatchObject({ text: 'a1', from: 'stale' })
  })

  it('with less than the change that was named the second time is not served', async () => {
    await read('/b')
    cell.isHolding = true
    const reader = read('/a')
    await settle()
    const written = cell.write('/a', { text: 'a2', tags: ['product:a'] })
    await read('/b', written)
    const late = entryOf({ text: 'a1', tags: ['product:a'] }, { stamp: 102, history: 'h1' })
    cell.isHolding = false
    cell.fetch = () =>
      Promise.resolve({ kind: 'entry', entry: late, renewed: false, shielded: false })
    cell.held[0]!.answer()
    expect(shown(await reader)).toBe('unavailable')
  })

  it('of another history makes the cell be asked which one holds', async () => {
    await read('/a')
    feed.restart('h2')
    const served = await read('/b')
    expect(served).toMatchObject({ entry: { history: 'h2' }, position: { history: 'h2' } })
    expect(shown(await read('/a'))).toMatchObject({ from: 'origin', renewed: true })
  })

  it('of a history that is over is fetched once more', async () => {
    await read('/b')
    cell.isHolding = true
    const reader = read('/a')
    await settle()
    feed.restart('h2')
    const newer = read('/b', feed.position)
    await settle()
    cell.held[1]!.answer()
    expect(await newer).toMatchObject({ entry: { history: 'h2' } })
    cell.held[0]!.answer()
    await settle()
    cell.held[2]!.answer()
    expect(await reader).toMatchObject({ entry: { history: 'h2' } })
  })
})

describe('when the cell cannot be reached', () => {
  it('an older copy stands in and says so, once knowledge is too old to vouch for it', async () => {
    await read('/a')
    breakAll()
    expect(shown(await read('/a'))).toMatchObject({ from: 'memory' })
    nowMs += FEED_STALE_MS_MAX + 1
    expect(shown(await read('/a'))).toEqual({ ...plain, text: 'a1', from: 'stale' })
    expect(reads.counters.staleServed).toBe(1)
  })

  it('the colo’s copy stands in for an isolate that has none', async () => {
    await read('/a')
    breakAll()
    expect(shown(await read('/a', null, isolate()))).toMatchObject({ text: 'a1', from: 'stale' })
  })

  it('a reader who knows better gets nothing rather than the older answer', async () => {
    await read('/a')
    const written = cell.write('/a', { text: 'a2', tags: ['product:a'] })
    breakAll()
    expect(shown(await read('/a', written))).toBe('unavailable')
    expect(shown(await read('/a', { n: 1, history: 'h9' }))).toBe('unavailable')
    expect(shown(await read('/a', { n: 101, history: 'h1' }))).toMatchObject({ text: 'a1' })
  })

  it('a reader whose position is known and whose copy holds all of it is served', async () => {
    await read('/a')
    const elsewhere = cell.write('/b', { text: 'b2', tags: ['product:b'] })
    await read('/b', elsewhere)
    breakAll()
    nowMs += FEED_STALE_MS_MAX + 1
    expect(shown(await read('/a', elsewhere))).toMatchObject({ text: 'a1', from: 'stale' })
  })

  it('a copy known to be changed stands in only for those who have not seen the change', async () => {
    await read('/a')
    const written = cell.write('/a', { text: 'a2', tags: ['product:a'] })
    cell.isDown = true
    expect(shown(await read('/a', written))).toBe('unavailable')
    expect(shown(await read('/a'))).toMatchObject({ text: 'a1', from: 'stale' })
  })

  it('a stand-in’s position is its stamp, so that nothing older follows it', async () => {
    const written = cell.write('/a', { text: 'a2', tags: ['product:a'] })
    await read('/a')
    breakAll()
    nowMs += FEED_STALE_MS_MAX + 1
    expect(await read('/a')).toMatchObject({ from: 'stale', position: written })
  })

  it('no copy stands in for longer than its contract allows', async () => {
    await read('/a')
    breakAll()
    nowMs += STALE_SECONDS * 1_000
    expect(shown(await read('/a'))).toMatchObject({ from: 'stale' })
    nowMs += 1
    expect(shown(await read('/a'))).toBe('unavailable')
  })

  it('nothing stands in for what was never read', async () => {
    breakAll()
    expect(shown(await read('/a'))).toBe('unavailable')
    expect(reads.counters.unavailable).toBe(1)
  })

  it('the first read after it is back is fresh again', async () => {
    await read('/a')
    breakAll()
    nowMs += FEED_STALE_MS_MAX + 1
    await read('/a')
    cell.write('/a', { text: 'a2', tags: ['product:a'] })
    breakAll(false)
    nowMs += FEED_RETRY_MS
    expect(shown(await read('/a'))).toMatchObject({ text: 'a2', from: 'origin' })
  })
})
