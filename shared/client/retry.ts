/** When a call is worth repeating, and how long to wait before. */
import type { EndpointFacts } from '../contracts/facts.ts'
import { ConnectionError, ProblemError, UnexpectedAnswerError } from './errors.ts'

export interface RetryLimits {
  readonly attemptsMax: number
  /** For one attempt, its body included. */
  readonly attemptMsMax: number
  /** From the call to its end, waits included. */
  readonly totalMsMax: number
}

export const RETRY_LIMITS: RetryLimits = {
  attemptsMax: 4,
  attemptMsMax: 15_000,
  totalMsMax: 45_000,
}

const BACKOFF_MS = 100
/** A service says when to come back in whole seconds, and everybody whom it told the same one must not come at once. */
const RETRY_AFTER_SPREAD_MS = 1_000
const BACKOFF_MS_MAX = 5_000

/**
 * True when a second copy of the request does no more than the first: reads, writes that name their result, and
 * creating POSTs, whose key makes them so. A compare-and-swap whose answer was lost may meet its own change: then the
 * repeat is refused as a conflict, and nothing is lost.
 */
export function isRepeatable({ method, serve }: EndpointFacts): boolean {
  return method !== 'post' || (serve.kind === 'forward' && serve.creates)
}

/** True for a request that was turned away before anything was done: whatever it was, it may be made again. */
export function isUndone(failure: unknown): boolean {
  if (!(failure instanceof ProblemError)) return false
  return failure.code === 'limit.exceeded' || failure.code === 'cell.overloaded'
}

/** True for a failure that may pass by itself. */
export function isPassing(failure: unknown): boolean {
  if (failure instanceof ProblemError) {
    const { status, code } = failure
    return status === 503 || status === 429 || code === 'idempotency.running'
  }
  if (failure instanceof UnexpectedAnswerError) return [429, 502, 503, 504].includes(failure.status)
  return failure instanceof ConnectionError
}

/**
 * Milliseconds to wait after failed attempt number `attempt`, counted from 1: what the service asked for and up to
 * a second more, or else anything up to a bound that doubles, so that many clients do not come back at once.
 */
export function waitMsAfter(attempt: number, failure: unknown, random: () => number): number {
  const asked = failure instanceof ProblemError ? failure.retryAfterSeconds : undefined
  if (asked !== undefined) return asked * 1_000 + random() * RETRY_AFTER_SPREAD_MS
  return random() * Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** attempt)
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}
