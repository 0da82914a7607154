/** Chosen operations can be chosen again. */
import { expect, it } from 'vitest'
import { randomFrom } from './random.ts'

it('one seed gives one succession, another seed another', () => {
  const drawn = (seed: number) => Array.from({ length: 20 }, randomFrom(seed).next)
  expect(drawn(7)).toEqual(drawn(7))
  expect(drawn(7)).not.toEqual(drawn(8))
  expect(drawn(7).every((each) => each >= 0 && each < 1)).toBe(true)
})

it('weights decide how often each is chosen', () => {
  const random = randomFrom(1)
  const counts = { often: 0, seldom: 0, never: 0 }
  for (let draw = 0; draw < 4_000; draw += 1) {
    counts[random.weighted({ often: 3, seldom: 1, never: 0 })] += 1
  }
  expect(counts.never).toBe(0)
  expect(counts.often / counts.seldom).toBeGreaterThan(2.5)
  expect(counts.often / counts.seldom).toBeLessThan(3.5)
})

it('a fork goes its own way, whatever its parent is asked afterwards', () => {
  const one = randomFrom(3)
  const other = randomFrom(3)
  const fork = one.fork()
  const same = other.fork()
  other.next()
  expect([fork.next(), fork.next()]).toEqual([same.next(), same.next()])
})
