/** The bench in its shortest form: both sides of every row do the same. Its figures mean nothing beside other tests. */
import { expect, test } from 'vitest'
import { bench } from '../../scripts/bench.ts'
import { rows } from '../bench/rows.ts'

test('every row measures its floor and ours, which answer or write the same', async () => {
  const lines: string[] = []
  const plan = { turns: 1, secondsPerTurn: 1 }
  const report = await bench(rows, plan, (line) => lines.push(line))
  expect(report.rows.map((row) => row.name)).toEqual(rows.map((row) => row.name))
  for (const row of report.rows) {
    expect(row.floor).toBeGreaterThan(0)
    expect(row.ours).toBeGreaterThan(0)
    expect(row.p99Ratio).toBeGreaterThan(0)
    expect(row.ok).toBe(row.ratio >= row.bar)
  }
  expect(report.rows.at(-1)!.notes.roundTrips).toBeLessThanOrEqual(9)
  expect(lines.join('\n')).toContain('roundTrips')
}, 120_000)
