/** What the runs came to: lines for people, and one JSON object for programs. */
import { VIOLATION_KINDS, type ViolationKind } from './checker.ts'
import type { RunResult } from './run.ts'
import { ninesText, StalenessSamples } from './staleness.ts'

/** Some lines on one run, its violations with what is needed to understand them. */
export function linesOf(result: RunResult): string[] {
  const { fault, broken, staleness, failures, caught } = result
  const name = fault ?? (broken === null ? 'no fault' : `without ${broken}`)
  const outcome = failures.length === 0 ? (caught === null ? 'ok' : 'caught') : failures.join(', ')
  const share = (count: number) => `${Math.round((100 * count) / Math.max(1, result.reads))} %`
  const { p50Ms, p99Ms, maxMs } = staleness.summary
  const counted = VIOLATION_KINDS.map((kind) => `${kind} ${result.violations[kind]}`).join(', ')
  return [
    `${name}: ${outcome}`,
    `  ${result.reads} reads (${share(result.hits)} hits, ${share(result.standIns)} stand-ins, ` +
      `${share(result.refused + result.limited)} refused), ${result.writes} writes, ` +
      `faults ${result.faults}, seed ${result.seed}`,
    `  violations: ${counted}`,
    `  staleness: p50 ${p50Ms} ms, p99 ${p99Ms} ms, max ${maxMs} ms`,
    ...staleness.nines.map((nines) => `    ${ninesText(nines)}`),
    ...result.details.flatMap(({ kind, what, context }) => [
      `  ${kind}: ${what}`,
      `    ${JSON.stringify(context)}`,
    ]),
  ]
}

/** The object that is printed last. One run's own, or the totals of all with the runs behind them. */
export function jsonOf(results: readonly RunResult[]): object {
  if (results.length === 1) return jsonOfRun(results[0]!)
  const staleness = new StalenessSamples()
  for (const result of results) staleness.addAll(result.staleness)
  const total = (of: (result: RunResult) => number) =>
    results.reduce((sum, result) => sum + of(result), 0)
  const caught = results.map((result) => result.caught)
  return {
    operations: total(({ operations }) => operations),
    hits: total(({ hits }) => hits),
    violations: Object.fromEntries(
      VIOLATION_KINDS.map((kind) => [kind, total(({ violations }) => violations[kind])]),
    ) as Record<ViolationKind, number>,
    staleness: staleness.summary,
    caught: caught.includes(null) ? null : caught.every(Boolean),
    nines: staleness.nines,
    refused: total(({ refused, limited }) => refused + limited),
    failures: results.flatMap(({ failures }) => failures),
    runs: results.map(jsonOfRun),
  }
}

function jsonOfRun(result: RunResult): object {
  const { operations, hits, violations, staleness, caught, fault, broken } = result
  const { seed, reads, writes, refused, limited, standIns, faults, failures } = result
  return {
    operations,
    hits,
    violations,
    staleness: staleness.summary,
    caught,
    nines: staleness.nines,
    reads,
    writes,
    standIns,
    refused: refused + limited,
    fault,
    faults,
    break: broken,
    seed,
    failures,
  }
}
