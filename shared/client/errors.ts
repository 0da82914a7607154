/** How a call of the client fails: with a problem, with an answer that is not ours, or without an answer. */
import { HEADERS } from '../headers.ts'
import {
  type FieldError,
  PROBLEM_CONTENT_TYPE,
  type ProblemCode,
  type ProblemDetails,
} from '../problems.ts'

/** A code this client knows, or one that a newer service has since added. */
export type AnyProblemCode = ProblemCode | (string & {})

/** The service refused (RFC 9457). Act on `code`. */
export class ProblemError extends Error {
  readonly code: AnyProblemCode
  readonly status: number
  readonly detail: string | undefined
  /** The fields at fault, when the input was. */
  readonly errors: readonly FieldError[]
  readonly requestId: string | undefined
  /** Members beside the standard ones, such as the new total of `price.changed`. */
  readonly extensions: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds: number | undefined

  constructor(details: ProblemDetails, options: { retryAfterSeconds?: number | undefined } = {}) {
    const { type: _type, code, title, status, detail, requestId, errors, ...extensions } = details
    super(detail ?? title)
    this.name = 'ProblemError'
    this.code = code
    this.status = status
    this.detail = detail
    this.errors = errors ?? []
    this.requestId = requestId
    this.extensions = extensions
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** Somebody between answered, such as a proxy with a page of its own: neither a result nor a problem. */
export class UnexpectedAnswerError extends Error {
  readonly status: number
  readonly contentType: string | null
  /** The beginning of the body, for a log. */
  readonly bodyStart: string

  constructor(answer: { status: number; contentType: string | null; body: string }) {
    const { status, contentType, body } = answer
    super(`expected JSON, got status ${status} with ${contentType ?? 'no content type'}`)
    this.name = 'UnexpectedAnswerError'
    this.status = status
    this.contentType = contentType
    this.bodyStart = body.slice(0, BODY_START_MAX)
  }
}

const BODY_START_MAX = 200

/** No attempt got an answer; `cause` is what the last one died of. Whether anything was done is not known. */
export class ConnectionError extends Error {
  constructor(message: string, options: { cause: unknown }) {
    super(message, options)
    this.name = 'ConnectionError'
  }
}

/**
 * Reads an answer whose body has arrived.
 *
 * @throws {ProblemError} for a problem.
 * @throws {UnexpectedAnswerError} for what neither side of the contract allows.
 */
export function readAnswer(response: Response, body: string): unknown {
  const { status, headers } = response
  const contentType = headers.get('content-type')
  const value = parsed(body)
  if (response.ok && isType(contentType, 'application/json') && value !== undefined) return value
  if (!response.ok && isType(contentType, PROBLEM_CONTENT_TYPE) && isDetails(value)) {
    const requestId = value.requestId ?? headers.get(HEADERS.requestId) ?? undefined
    const details = { ...value, status, ...(requestId === undefined ? {} : { requestId }) }
    throw new ProblemError(details, { retryAfterSeconds: retryAfterSecondsOf(headers) })
  }
  throw new UnexpectedAnswerError({ status, contentType, body })
}

/** Seconds only: that is the form we write, and a date would need two clocks to agree (RFC 9110 §10.2.3). */
export function retryAfterSecondsOf(headers: Headers): number | undefined {
  const value = headers.get('retry-after')
  return value !== null && /^\d{1,6}$/.test(value) ? Number(value) : undefined
}

function isType(contentType: string | null, wanted: string): boolean {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === wanted
}

function isDetails(value: unknown): value is ProblemDetails {
  if (typeof value !== 'object' || value === null) return false
  const { code, title } = value as Partial<ProblemDetails>
  return typeof code === 'string' && typeof title === 'string'
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
