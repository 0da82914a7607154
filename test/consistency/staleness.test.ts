/** The distribution of staleness: nearest ranks, and no more nines than there are samples for. */
import { expect, it } from 'vitest'
import { ninesText, StalenessSamples } from './staleness.ts'

function samplesOf(values: readonly number[]): StalenessSamples {
  const samples = new StalenessSamples()
  for (const value of values) samples.add(value)
  return samples
}

it('ranks are of the samples themselves', () => {
  const samples = samplesOf(Array.from({ length: 100 }, (_, index) => 100 - index))
  expect(samples.summary).toEqual({ p50Ms: 50, p99Ms: 99, maxMs: 100 })
  expect(samples.nines).toEqual([{ nines: 2, withinMs: 99 }])
})

it('one bad read in ten thousand shows in the fifth nine alone', () => {
  const samples = samplesOf([...Array(99_999).fill(0), 700])
  const within = Object.fromEntries(samples.nines.map(({ nines, withinMs }) => [nines, withinMs]))
  expect(within).toEqual({ 2: 0, 3: 0, 4: 0, 5: 0 })
  samples.addAll(samplesOf([800, 900]))
  expect(samples.nines.at(-1)).toEqual({ nines: 5, withinMs: 800 })
  expect(samples.summary.maxMs).toBe(900)
})

it('nothing measured is nothing stale', () => {
  expect(samplesOf([]).summary).toEqual({ p50Ms: 0, p99Ms: 0, maxMs: 0 })
  expect(samplesOf([1]).nines).toEqual([])
})

it('is told as Polaris tells it', () => {
  expect(ninesText({ nines: 4, withinMs: 612 })).toBe('99.99 % (4 nines) within 612 ms')
  expect(ninesText({ nines: 2, withinMs: 5 })).toBe('99 % (2 nines) within 5 ms')
})
