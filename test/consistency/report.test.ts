/** What the runs came to, in JSON: one run's own figures, and the totals of several. */
import { expect, it } from 'vitest'
import { jsonOf, linesOf } from './report.ts'
import type { RunResult } from './run.ts'
import { StalenessSamples } from './staleness.ts'

function resultOf(different: Partial<RunResult>): RunResult {
  return {
    fault: null,
    broken: null,
    seed: 1,
    operations: 12,
    reads: 10,
    writes: 2,
    hits: 7,
    standIns: 0,
    refused: 1,
    limited: 1,
    faults: 0,
    violations: { readYourWrites: 0, monotonic: 0, stale: 0, divergence: 0 },
    details: [],
    staleness: new StalenessSamples(),
    caught: null,
    failures: [],
    ...different,
  }
}

it('one run is told by itself', () => {
  expect(jsonOf([resultOf({ fault: 'restore', faults: 3 })])).toEqual({
    operations: 12,
    hits: 7,
    violations: { readYourWrites: 0, monotonic: 0, stale: 0, divergence: 0 },
    staleness: { p50Ms: 0, p99Ms: 0, maxMs: 0 },
    caught: null,
    nines: [],
    reads: 10,
    writes: 2,
    standIns: 0,
    refused: 2,
    fault: 'restore',
    faults: 3,
    break: null,
    seed: 1,
    failures: [],
  })
})

it('several are summed up, with each of them behind', () => {
  const wrong = { readYourWrites: 1, monotonic: 0, stale: 2, divergence: 0 }
  const failed = resultOf({ violations: wrong, failures: ['an answer was wrong'] })
  const all = jsonOf([resultOf({}), failed]) as Record<string, unknown>
  expect(all).toMatchObject({ operations: 24, hits: 14, violations: wrong, caught: null })
  expect(all).toMatchObject({ refused: 4, failures: ['an answer was wrong'] })
  expect(all.runs).toHaveLength(2)
})

it('missing rules count as caught only if each of them was', () => {
  const caught = (...each: boolean[]) =>
    (jsonOf(each.map((caught) => resultOf({ broken: 'max', caught }))) as { caught: boolean })
      .caught
  expect(caught(true, true)).toBe(true)
  expect(caught(true, false)).toBe(false)
})

it('a violation is told with what is needed to understand it', () => {
  const context = { edge: 'workerd 0', position: 'catalogue=7;h=h1' }
  const details = [{ kind: 'stale' as const, what: 'product 1 had been over', context }]
  const lines = linesOf(resultOf({ details, failures: ['an answer was wrong'] })).join('\n')
  expect(lines).toContain('no fault: an answer was wrong')
  expect(lines).toContain('stale: product 1 had been over')
  expect(lines).toContain('"edge":"workerd 0"')
})
