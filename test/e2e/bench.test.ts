/** The bench in its shortest form: both sides of every row do the same. Its times mean nothing beside other tests. */
import { expect, test } from 'vitest'
import { bench } from '../../scripts/bench.ts'
import { limits } from '../bench/limits.ts'
import { rows } from '../bench/rows.ts'

test('every row measures its floor and ours, which answer or write the same', async () => {
  const lines: string[] = []
  const plan = { turns: 1, secondsPerTurn: 1, people: 50 }
  const report = await bench({ rows, limits }, plan, (line) => lines.push(line))
  expect(report.rows.map((row) => row.name)).toEqual(rows.map((row) => row.name))
  for (const row of report.rows) {
    expect(row.floor).toBeGreaterThan(0)
    expect(row.ours).toBeGreaterThan(0)
    expect(row.p99Ratio).toBeGreaterThan(0)
    const isQuick = row.p99Bar === null || row.p99Ratio <= row.p99Bar
    expect(row.ok).toBe(row.ratio >= row.bar && isQuick)
  }
  expect(report.rows.at(-1)!.notes.roundTrips).toBeLessThanOrEqual(9)
  expect(report.limits.map((each) => each.name)).toEqual(limits.map((each) => each.name))
  for (const { value, limit, ok } of report.limits) {
    expect(value).toBeGreaterThan(0)
    expect(ok).toBe(value <= limit)
  }
  // Not times, so other tests cannot move them.
  expect(report.limits.find((each) => each.name === 'edge-bundle')!.ok).toBe(true)
  expect(report.limits.find((each) => each.name === 'edge-memory')!.ok).toBe(true)
  expect(lines.join('\n')).toContain('roundTrips')
}, 180_000)
