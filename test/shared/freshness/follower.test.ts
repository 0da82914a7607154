import { beforeEach, describe, expect, it, vi } from 'vitest'
import { FEED_REFRESH_MS, FEED_STALE_MS_MAX } from '../../../shared/freshness/feed.ts'
import { FEED_RETRY_MS, FeedFollower } from '../../../shared/freshness/follower.ts'
import { Knowledge } from '../../../shared/freshness/knowledge.ts'
import { background, FeedModel, ModelSource, settle } from './feed-model.ts'

let feed: FeedModel
let source: ModelSource
let follower: FeedFollower
let nowMs: number

beforeEach(() => {
  feed = new FeedModel({ n: 100 })
  source = new ModelSource(feed)
  nowMs = 1_000_000
  follower = new FeedFollower({ source, now: () => nowMs })
})

function bringUpTo(position: { n: number; history: string } | null = null): Promise<boolean> {
  return follower.bringUpTo(position, background)
}

/** Knowledge as of now, with nothing counted yet. */
async function follow(): Promise<void> {
  await bringUpTo()
  source.asked.length = 0
}

describe('polling', () => {
  it('does not happen before a request, and before the first answer', async () => {
    nowMs += 60_000
    expect(source.asked).toEqual([])
    expect(follower.isCurrent).toBe(false)
    expect(await bringUpTo()).toBe(true)
    expect(source.asked).toEqual(['shared'])
    expect(follower.knowledge.n).toBe(100)
  })

  it('does not happen while knowledge is young', async () => {
    await follow()
    nowMs += FEED_REFRESH_MS
    follower.refreshBehind(background)
    expect(await bringUpTo()).toBe(true)
    expect(source.asked).toEqual([])
  })

  it('happens behind the answer once knowledge is getting old, once at a time', async () => {
    await follow()
    nowMs += FEED_REFRESH_MS + 1
    source.isHolding = true
    for (let requests = 0; requests < 10; requests += 1) follower.refreshBehind(background)
    expect(source.asked).toEqual(['shared'])
    expect(follower.isCurrent).toBe(true)
    source.held[0]!.answer()
    await settle()
    follower.refreshBehind(background)
    expect(source.asked).toEqual(['shared'])
  })

  it('happens before the answer once knowledge is old, and all readers wait for the one poll', async () => {
    await follow()
    feed.commit('product:a')
    nowMs += FEED_STALE_MS_MAX + 1
    source.isHolding = true
    const waiting = [bringUpTo(), bringUpTo(), bringUpTo()]
    await settle()
    expect(source.asked).toEqual(['shared'])
    source.held[0]!.answer()
    expect(await Promise.all(waiting)).toEqual([true, true, true])
    expect(follower.knowledge.n).toBe(101)
  })

  it('is kept alive behind the answer', async () => {
    const kept: Promise<unknown>[] = []
    await follow()
    nowMs += FEED_REFRESH_MS + 1
    follower.refreshBehind((work) => kept.push(work))
    expect(kept).toHaveLength(1)
    await Promise.all(kept)
    expect(follower.ageMs).toBe(0)
  })
})

describe('the age of knowledge', () => {
  it('counts from before the statement behind it', async () => {
    source.isHolding = true
    const waiting = bringUpTo()
    source.held[0]!.answer()
    nowMs += 300
    await waiting
    source.isHolding = false
    nowMs += FEED_STALE_MS_MAX + 1
    source.isHolding = true
    const forced = bringUpTo({ n: 100, history: 'h9' })
    await settle()
    const began = nowMs
    source.held[1]!.answer()
    await settle()
    nowMs += 400
    source.held[2]!.answer()
    await forced
    expect(follower.ageMs).toBe(nowMs - began)
  })

  it('is that of the shared copy it came from', async () => {
    source.copy = { batch: feed.batchAfter(null), ageMs: 700 }
    await bringUpTo()
    expect(follower.ageMs).toBe(700)
  })

  it('beyond what may be vouched for makes the cell itself be asked', async () => {
    source.copy = { batch: feed.batchAfter(null), ageMs: FEED_STALE_MS_MAX + 1 }
    const { n } = feed.commit('product:a')
    expect(await bringUpTo()).toBe(true)
    expect(source.asked).toEqual(['shared', 'direct'])
    expect(follower.knowledge.n).toBe(n)
    expect(follower.isCurrent).toBe(true)
  })

  it('is not made younger by a shared copy that ends before what is known', async () => {
    await follow()
    const old = feed.batchAfter(null)
    feed.commit('product:a')
    await bringUpTo(feed.position)
    nowMs += FEED_STALE_MS_MAX + 1
    source.copy = { batch: old, ageMs: 0 }
    source.asked.length = 0
    expect(await bringUpTo()).toBe(true)
    expect(source.asked).toEqual(['shared', 'direct'])
  })
})

describe('a reader’s position', () => {
  it('that knowledge reaches needs no poll', async () => {
    await follow()
    expect(await bringUpTo({ n: 100, history: 'h1' })).toBe(true)
    expect(source.asked).toEqual([])
  })

  it('above knowledge makes the cell be asked, past the shared copy', async () => {
    await follow()
    source.copy = { batch: feed.batchAfter(null), ageMs: 0 }
    const written = feed.commit('product:a')
    expect(await bringUpTo(written)).toBe(true)
    expect(source.asked).toEqual(['direct'])
    expect(follower.covers(written)).toBe(true)
  })

  it('above the cell’s clock is ignored after one poll', async () => {
    await follow()
    expect(await bringUpTo({ n: 1_000_000, history: 'h1' })).toBe(true)
    expect(source.asked).toEqual(['direct'])
    expect(follower.knowledge.n).toBe(100)
  })

  it('of another history is satisfied by one poll', async () => {
    await follow()
    expect(await bringUpTo({ n: 3, history: 'h0' })).toBe(true)
    expect(source.asked).toEqual(['direct'])
    expect(follower.knowledge.history).toBe('h1')
  })

  it('joins no poll that may have read the feed before the reader came', async () => {
    await follow()
    source.isHolding = true
    const early = bringUpTo({ n: 101, history: 'h1' })
    await settle()
    nowMs += 5
    const written = feed.commit('product:a')
    const reader = bringUpTo(written)
    await settle()
    expect(source.held.map(({ kind }) => kind)).toEqual(['direct'])
    source.held[0]!.answer()
    await settle()
    expect(source.held).toHaveLength(2)
    source.held[1]!.answer()
    expect(await Promise.all([early, reader])).toEqual([true, true])
    expect(follower.covers(written)).toBe(true)
  })

  it('joins a poll that began after the reader came', async () => {
    await follow()
    source.isHolding = true
    const early = bringUpTo({ n: 101, history: 'h1' })
    await settle()
    nowMs += 5
    const written = feed.commit('product:a')
    const readers = Array.from({ length: 50 }, () => bringUpTo(written))
    nowMs += 5
    source.held[0]!.answer()
    await settle()
    source.held[1]!.answer()
    expect(await Promise.all([early, ...readers])).not.toContain(false)
    expect(source.asked).toEqual(['direct', 'direct'])
  })
})

describe('a poll that a position forces', () => {
  function countedReader(position: { n: number; history: string }, started: string[]) {
    return follower.bringUpTo(position, background, () => started.push('poll'))
  }

  it('is announced once by the reader that starts it, and not by those that join it', async () => {
    await follow()
    const started: string[] = []
    source.isHolding = true
    const early = countedReader({ n: 101, history: 'h1' }, started)
    await settle()
    nowMs += 5
    const written = feed.commit('product:a')
    const readers = Array.from({ length: 50 }, () => countedReader(written, started))
    nowMs += 5
    source.held[0]!.answer()
    await settle()
    source.held[1]!.answer()
    await Promise.all([early, ...readers])
    expect(started).toEqual(['poll', 'poll'])
  })

  it('is not announced when the position is known by then, as in an isolate that knows nothing yet', async () => {
    const started: string[] = []
    expect(await countedReader(feed.position, started)).toBe(true)
    expect(started).toEqual([])
  })

  it('does not start when it is refused', async () => {
    await follow()
    const refused = follower.bringUpTo({ n: 900, history: 'h1' }, background, () => {
      throw new Error('enough')
    })
    await expect(refused).rejects.toThrow('enough')
    expect(source.asked).toEqual([])
    expect(follower.isCurrent).toBe(true)
  })
})

describe('when the feed cannot be reached', () => {
  beforeEach(() => {
    source.isDown = true
  })

  it('a reader is told so once knowledge is too old, and not before', async () => {
    source.isDown = false
    await follow()
    source.isDown = true
    nowMs += FEED_STALE_MS_MAX
    expect(await bringUpTo()).toBe(true)
    nowMs += 1
    expect(await bringUpTo()).toBe(false)
  })

  it('another poll waits for a while, however many readers come', async () => {
    for (let readers = 0; readers < 20; readers += 1) expect(await bringUpTo()).toBe(false)
    expect(source.asked).toHaveLength(1)
    nowMs += FEED_RETRY_MS
    expect(await bringUpTo()).toBe(false)
    expect(source.asked).toHaveLength(2)
    expect(follower.counters.pollFailures).toBe(2)
  })

  it('a reader whose position is not known waits no longer either', async () => {
    source.isDown = false
    await follow()
    source.isDown = true
    const written = feed.commit('product:a')
    for (let reads = 0; reads < 5; reads += 1) expect(await bringUpTo(written)).toBe(false)
    expect(source.asked).toEqual(['direct'])
    source.isDown = false
    nowMs += FEED_RETRY_MS
    expect(await bringUpTo(written)).toBe(true)
  })

  it('a poll that never settles is given up for one of the reader’s own', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      source.isDown = false
      source.isHolding = true
      void bringUpTo()
      const reader = bringUpTo()
      await settle()
      expect(source.held).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(10_000)
      expect(source.held).toHaveLength(2)
      source.held[1]!.answer()
      expect(await reader).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })
})

it('a follower may be given what it knows', () => {
  const knowledge = new Knowledge(10)
  expect(new FeedFollower({ source, now: () => nowMs, knowledge }).knowledge).toBe(knowledge)
})
