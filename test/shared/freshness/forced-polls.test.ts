/** Polls that positions force: bounded for the isolate, whoever sends the positions, and quick for who has reason to. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FORCED_POLL_SPACING_MS } from '../../../shared/freshness/feed.ts'
import { FeedFollower } from '../../../shared/freshness/follower.ts'
import { background, FeedModel, ModelSource } from './feed-model.ts'

const NOBODYS = { n: 9_000_000, history: 'h1' }
let feed: FeedModel
let source: ModelSource
let follower: FeedFollower

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  feed = new FeedModel({ n: 100 })
  source = new ModelSource(feed)
  const forcedSpacingMs = FORCED_POLL_SPACING_MS
  follower = new FeedFollower({ source, now: () => Date.now(), forcedSpacingMs })
  await follower.bringUpTo(null, background)
  source.asked.length = 0
})
afterEach(() => {
  vi.useRealTimers()
})

function arrive(position: { n: number; history: string }, beforeForced?: () => void) {
  return follower.bringUpTo(position, background, beforeForced)
}

describe('polls that positions force', () => {
  it('begin so far apart, however many readers come and from wherever', async () => {
    const reading: Promise<boolean>[] = []
    for (let ms = 0; ms < 1_000; ms += 1) {
      for (let reader = 0; reader < 10; reader += 1) {
        reading.push(arrive({ n: 1_000_000 + ms * 10 + reader, history: `h${reader}` }))
      }
      await vi.advanceTimersByTimeAsync(1)
    }
    await vi.advanceTimersByTimeAsync(FORCED_POLL_SPACING_MS)
    expect(await Promise.all(reading)).not.toContain(false)
    const most = 1_000 / FORCED_POLL_SPACING_MS + 1
    expect(source.asked.length).toBeLessThanOrEqual(most)
    expect(source.asked.length).toBeGreaterThan(most / 2)
  })

  it('begin at once when none began lately', async () => {
    const written = feed.commit('product:a')
    const began = Date.now()
    expect(await arrive(written)).toBe(true)
    expect(Date.now()).toBe(began)
    expect(follower.covers(written)).toBe(true)
  })

  it('keep a reader of a new change no longer than their distance', async () => {
    await arrive(NOBODYS)
    await vi.advanceTimersByTimeAsync(1)
    const written = feed.commit('product:a')
    let isDone = false
    const reading = arrive(written).then((known) => {
      isDone = true
      return known && follower.covers(written)
    })
    await vi.advanceTimersByTimeAsync(FORCED_POLL_SPACING_MS - 2)
    expect(isDone).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await reading).toBe(true)
    expect(source.asked).toEqual(['direct', 'direct'])
  })

  it('are made once for all who waited, and counted against the one who began it', async () => {
    await arrive(NOBODYS)
    await vi.advanceTimersByTimeAsync(1)
    const began: number[] = []
    const reading = Array.from({ length: 50 }, (_, reader) =>
      arrive({ ...NOBODYS, n: NOBODYS.n + reader }, () => began.push(reader)),
    )
    await vi.advanceTimersByTimeAsync(FORCED_POLL_SPACING_MS)
    expect(await Promise.all(reading)).not.toContain(false)
    expect(source.asked).toEqual(['direct', 'direct'])
    expect(began).toHaveLength(1)
  })

  it('are begun by another when the one whose turn it is may not', async () => {
    await arrive(NOBODYS)
    await vi.advanceTimersByTimeAsync(1)
    const written = feed.commit('product:a')
    const refused = arrive(NOBODYS, () => {
      throw new Error('enough')
    })
    const reading = arrive(written)
    const refusal = expect(refused).rejects.toThrow('enough')
    await vi.advanceTimersByTimeAsync(FORCED_POLL_SPACING_MS)
    await refusal
    expect(await reading).toBe(true)
    expect(follower.covers(written)).toBe(true)
  })

  it('are not made when what was asked for became known meanwhile', async () => {
    await arrive(NOBODYS)
    await vi.advanceTimersByTimeAsync(1)
    const written = feed.commit('product:a')
    const reading = arrive(written)
    follower.knowledge.apply(feed.batchAfter(100))
    await vi.advanceTimersByTimeAsync(FORCED_POLL_SPACING_MS)
    expect(await reading).toBe(true)
    expect(source.asked).toEqual(['direct'])
  })
})

it('a poll that failed says by what, until one succeeds', async () => {
  expect(follower.failure).toBeNull()
  source.isDown = true
  expect(await arrive(NOBODYS)).toBe(false)
  expect(follower.failure).toEqual(new Error('the cell is down'))
  source.isDown = false
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await arrive(NOBODYS)).toBe(true)
  expect(follower.failure).toBeNull()
})
