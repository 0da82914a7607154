import { beforeEach, describe, expect, it } from 'vitest'
import { FEED_REFRESH_MS, FEED_STALE_MS_MAX } from '../../../shared/freshness/feed.ts'
import { FeedFollower } from '../../../shared/freshness/follower.ts'
import { background, FeedModel, ModelSource, settle } from './feed-model.ts'

let feed: FeedModel
let source: ModelSource
let follower: FeedFollower
let nowMs: number

function startOn(model: FeedModel): void {
  feed = model
  source = new ModelSource(feed)
  nowMs = 1_000_000
  follower = new FeedFollower({ source, now: () => nowMs })
}

beforeEach(() => startOn(new FeedModel({ n: 100 })))

function bringUpTo(position: { n: number; history: string } | null = null): Promise<boolean> {
  return follower.bringUpTo(position, background)
}

/** Knowledge as of now, with nothing counted yet. */
async function follow(): Promise<void> {
  await bringUpTo()
  source.asked.length = 0
}

describe('changes that were missed', () => {
  it('are asked for when the shared copy begins beyond what is known', async () => {
    startOn(new FeedModel({ batchMax: 3 }))
    await follow()
    for (let index = 0; index < 8; index += 1) feed.commit(`product:${index}`)
    nowMs += FEED_STALE_MS_MAX + 1
    expect(await bringUpTo()).toBe(true)
    expect(source.asked).toEqual(['shared', 'direct', 'direct', 'direct'])
    expect(follower.knowledge).toMatchObject({ n: 8, floor: 0 })
    expect(follower.counters).toMatchObject({ gaps: 0, resets: 0 })
  })

  it('and are no longer kept make the reader forget everything', async () => {
    await follow()
    for (let index = 0; index < 8; index += 1) feed.commit('product:a')
    feed.keep(3)
    nowMs += FEED_STALE_MS_MAX + 1
    expect(await bringUpTo()).toBe(true)
    expect(follower.knowledge).toMatchObject({ n: 108, floor: 105 })
    expect(follower.counters.gaps).toBe(1)
  })

  it('by too many for one batch leave knowledge old until the last of them is in', async () => {
    startOn(new FeedModel({ batchMax: 2 }))
    await follow()
    for (let index = 0; index < 4; index += 1) feed.commit('product:a')
    nowMs += FEED_STALE_MS_MAX + 1
    source.isHolding = true
    const waiting = bringUpTo()
    await settle()
    source.held[0]!.answer()
    await settle()
    source.held[1]!.answer()
    await settle()
    expect(follower.knowledge.n).toBe(2)
    expect(follower.isCurrent).toBe(false)
    source.held[2]!.answer()
    expect(await waiting).toBe(true)
    expect(follower.knowledge.n).toBe(4)
    expect(follower.isCurrent).toBe(true)
  })

  it('by a feed that never ends are given up', async () => {
    startOn(new FeedModel({ batchMax: 1 }))
    await follow()
    const direct = source.direct.bind(source)
    source.direct = (from) => {
      feed.commit('product:a')
      feed.commit('product:b')
      return direct(from)
    }
    expect(await bringUpTo({ n: 50, history: 'h1' })).toBe(false)
    expect(follower.counters.pollFailures).toBe(1)
  })
})

describe('another history', () => {
  it('makes the reader forget, and is believed only from the cell itself', async () => {
    await follow()
    const old = feed.batchAfter(null)
    feed.restart('h2')
    nowMs += FEED_STALE_MS_MAX + 1
    await bringUpTo()
    expect(source.asked).toEqual(['shared', 'direct'])
    expect(follower.knowledge.history).toBe('h2')
    expect(follower.counters.resets).toBe(1)

    source.copy = { batch: old, ageMs: 0 }
    nowMs += FEED_STALE_MS_MAX + 1
    await bringUpTo()
    expect(follower.knowledge.history).toBe('h2')
    expect(follower.counters.resets).toBe(1)
  })

  it('is not given back for an answer that left the cell before', async () => {
    await follow()
    source.copy = { batch: feed.batchAfter(null), ageMs: 0 }
    feed.commit('product:a')
    await bringUpTo(feed.position)
    nowMs += FEED_REFRESH_MS + 1
    source.isHolding = true
    follower.refreshBehind(background)
    source.held[0]!.answer()
    await settle()
    expect(source.held.map(({ kind }) => kind)).toEqual(['shared', 'direct'])

    feed.restart('h2')
    nowMs += 100
    const reader = bringUpTo({ n: 101, history: 'h2' })
    await settle()
    source.held[2]!.answer()
    expect(await reader).toBe(true)
    expect(follower.knowledge.history).toBe('h2')
    source.held[1]!.answer()
    await settle()
    expect(follower.knowledge.history).toBe('h2')
    source.held[3]!.answer()
    await settle()
    expect(follower.knowledge.history).toBe('h2')
    expect(follower.counters.resets).toBe(1)
  })
})
