/** What the edge logs: faults of its own, one JSON line each. Refusals are counted, not logged. */
import type { Problem } from '../shared/problems.ts'

/** Never a header or a body: only what kind of fault it was, and where. */
export function logFault(problem: Problem, where: { contract: string; requestId: string }): void {
  const { cause } = problem
  const fault = cause instanceof Error ? { error: cause.name, stack: cause.stack } : {}
  // biome-ignore lint/suspicious/noConsole: the console is where a Worker's logs go
  console.error(JSON.stringify({ level: 'error', ...where, ...fault }))
}
