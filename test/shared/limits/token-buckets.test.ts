import { describe, expect, it } from 'vitest'
import { TokenBuckets } from '../../../shared/limits/token-buckets.ts'

const RULE = { burst: 5, refillMs: 500 }

function taken(buckets: TokenBuckets, key: string, options: { times: number; atMs: number }) {
  let count = 0
  for (let time = 0; time < options.times; time += 1) {
    if (buckets.take(key, options.atMs).allowed) count += 1
  }
  return count
}

describe('a bucket', () => {
  it('allows a burst, then a rate', () => {
    const buckets = new TokenBuckets(RULE)
    expect(taken(buckets, 'a', { times: 100, atMs: 0 })).toBe(5)
    expect(taken(buckets, 'a', { times: 100, atMs: 400 })).toBe(0)
    expect(taken(buckets, 'a', { times: 100, atMs: 500 })).toBe(1)
    expect(taken(buckets, 'a', { times: 100, atMs: 2_500 })).toBe(4)
  })

  it('refills no further than the burst', () => {
    const buckets = new TokenBuckets(RULE)
    taken(buckets, 'a', { times: 5, atMs: 0 })
    expect(taken(buckets, 'a', { times: 100, atMs: 3_600_000 })).toBe(5)
  })

  it('refills also for a key that keeps asking', () => {
    const buckets = new TokenBuckets(RULE)
    taken(buckets, 'a', { times: 5, atMs: 0 })
    let count = 0
    for (let atMs = 10; atMs <= 5_000; atMs += 10) if (buckets.take('a', atMs).allowed) count += 1
    expect(count).toBeGreaterThanOrEqual(9)
    expect(count).toBeLessThanOrEqual(10)
  })

  it('is each key’s own', () => {
    const buckets = new TokenBuckets(RULE)
    expect(taken(buckets, 'a', { times: 9, atMs: 0 })).toBe(5)
    expect(taken(buckets, 'b', { times: 9, atMs: 0 })).toBe(5)
  })

  it('is kept for a key that stays, however many others come and go', () => {
    const buckets = new TokenBuckets(RULE)
    let allowed = 0
    for (let other = 0; other < 30_000; other += 1) {
      if (other % 1_000 === 0 && buckets.take('a', 0).allowed) allowed += 1
      buckets.take(`other-${other}`, 0)
    }
    expect(allowed).toBe(5)
  })

  it('says what is left, and how long until there is one more', () => {
    const buckets = new TokenBuckets({ burst: 2, refillMs: 10_000 })
    const take = (atMs: number) => buckets.take('a', atMs)
    expect(take(0)).toEqual({ allowed: true, remaining: 1, nextSeconds: 10 })
    expect(take(4_000)).toEqual({ allowed: true, remaining: 0, nextSeconds: 6 })
    expect(take(5_000)).toEqual({ allowed: false, remaining: 0, nextSeconds: 5 })
    expect(take(10_000)).toEqual({ allowed: true, remaining: 0, nextSeconds: 10 })
  })

  it('opens again exactly when it said, and not before', () => {
    for (const refillMs of [500, 2_000, 30_000, 60_000, 200_000]) {
      const buckets = new TokenBuckets({ burst: 3, refillMs })
      const startMs = 1_763_000_000_123
      expect(taken(buckets, 'a', { times: 9, atMs: startMs })).toBe(3)
      for (let opening = 1; opening < 50; opening += 1) {
        const opensMs = startMs + opening * refillMs
        expect(buckets.take('a', opensMs - 1).allowed).toBe(false)
        expect(buckets.take('a', opensMs).allowed).toBe(true)
      }
    }
  })

  it('gains nothing by a clock that is set back, and loses no more than it holds', () => {
    const buckets = new TokenBuckets(RULE)
    taken(buckets, 'a', { times: 4, atMs: 86_400_000 })
    expect(taken(buckets, 'a', { times: 9, atMs: 0 })).toBe(0)
    expect(taken(buckets, 'a', { times: 9, atMs: 500 })).toBe(1)
    expect(taken(buckets, 'a', { times: 9, atMs: 3_000 })).toBe(5)
  })

  it('is one of so many as there may be', () => {
    const buckets = new TokenBuckets(RULE, 100)
    for (let key = 0; key < 1_000; key += 1) buckets.take(`${key}`, 0)
    expect(buckets.size).toBe(100)
  })
})
