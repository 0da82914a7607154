/** A clock that is set back says nothing of how old knowledge is: it must not make anything look younger. */
import { beforeEach, expect, it } from 'vitest'
import { FEED_STALE_MS_MAX } from '../../../shared/freshness/feed.ts'
import { FeedFollower } from '../../../shared/freshness/follower.ts'
import { background, FeedModel, ModelSource, settle } from './feed-model.ts'

const HOUR_MS = 3_600_000
let feed: FeedModel
let source: ModelSource
let follower: FeedFollower
let nowMs: number

beforeEach(async () => {
  feed = new FeedModel({ n: 100 })
  source = new ModelSource(feed)
  nowMs = 10 * HOUR_MS
  follower = new FeedFollower({ source, now: () => nowMs })
  await follower.bringUpTo(null, background)
})

it.each([1, 300, FEED_STALE_MS_MAX, HOUR_MS])(
  'knowledge vouches for nothing once the clock was set back by %i ms, until it is asked for again',
  async (ms) => {
    expect(follower.isCurrent).toBe(true)
    nowMs -= ms
    expect(follower.isCurrent).toBe(false)
    expect(await follower.bringUpTo(null, background)).toBe(true)
    expect(source.asked).toEqual(['shared', 'shared'])
    expect(follower.isCurrent).toBe(true)
  },
)

it('an answer to a question from before the clock was set back vouches for nothing', async () => {
  source.isHolding = true
  const waiting = follower.bringUpTo(feed.commit('product:1'), background)
  nowMs -= HOUR_MS
  expect(follower.isCurrent).toBe(false)
  // Shortly after the question, by a clock that was set back and forth.
  nowMs += HOUR_MS + 10
  source.held[0]!.answer()
  expect(await waiting).toBe(true)
  expect(follower.knowledge.n).toBe(101)
  expect(follower.isCurrent).toBe(false)
})

it('a poll that began before a reader arrived does not answer them, whatever the clock said then', async () => {
  source.isHolding = true
  const first = feed.commit('product:1')
  const earlier = follower.bringUpTo(first, background)
  const second = feed.commit('product:2')
  nowMs -= HOUR_MS
  const later = follower.bringUpTo(second, background)
  source.held[0]!.answer()
  await settle()
  for (const held of source.held.slice(1)) held.answer()
  await Promise.all([earlier, later])
  expect(follower.covers(second)).toBe(true)
})
