/** The problems a caller of one endpoint must be ready for: its own, and those its declaration implies. */
import type { ProblemCode } from '../problems.ts'
import type { Endpoint } from './endpoint.ts'

/** What any endpoint may answer with, whatever it does. */
const ALWAYS = [
  'token.refused',
  'limit.exceeded',
  'internal',
  'cell.overloaded',
  'cell.unavailable',
] as const satisfies readonly ProblemCode[]
const WITH_INPUT = ['request.invalid'] as const satisfies readonly ProblemCode[]
const WITH_BODY = [
  'request.malformed',
  'request.too_large',
  'request.unsupported_type',
] as const satisfies readonly ProblemCode[]
const CREATING = [
  'idempotency.key_required',
  'idempotency.reused',
  'idempotency.running',
] as const satisfies readonly ProblemCode[]
const SCOPED = ['access.denied'] as const satisfies readonly ProblemCode[]

/** In the order of their codes, each once. */
export function problemsOf(endpoint: Endpoint): ProblemCode[] {
  const { request, serve, access, problems } = endpoint
  const codes = new Set<ProblemCode>([...ALWAYS, ...problems])
  const add = (more: readonly ProblemCode[]) => {
    for (const code of more) codes.add(code)
  }
  if (request.params || request.query || request.body) add(WITH_INPUT)
  if (request.body) add(WITH_BODY)
  if (serve.kind === 'forward' && serve.creates) add([...CREATING, ...WITH_INPUT])
  if (access !== 'public' && access !== 'holder') add(SCOPED)
  return [...codes].sort()
}
