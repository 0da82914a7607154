/** Step 6: a request that only a cell can answer, signed and passed on, once. */
import { HEADERS } from '../../shared/headers.ts'
import { invalidField, Problem } from '../../shared/problems.ts'
import type { Cell } from '../config.ts'
import type { Place } from '../geo/place.ts'
import { readBody } from '../limits/request-limits.ts'
import type { Trace } from '../trace/trace.ts'
import { fetchSigned } from './fetch-signed.ts'

/** Longer than a payment may take in the cell, so that a slow provider is the cell's to judge. */
export const FORWARD_TIMEOUT_MS = 15_000
/** A page of the cell's own, such as its documentation. */
const PAGE_TIMEOUT_MS = 5_000

/** What a caller may say to the cell; the rest stays here. */
const PASSED_ON = [
  'authorization',
  'content-type',
  'if-none-match',
  HEADERS.idempotencyKey,
  HEADERS.cartSecret,
]
/** What the cell may say to a caller. */
const PASSED_BACK = [
  'content-type',
  'cache-control',
  'etag',
  'retry-after',
  'www-authenticate',
  'content-security-policy',
  HEADERS.position,
  // For the edge itself, which takes it off.
  HEADERS.turn,
]

/** Bytes of one header that is passed on: an access token's limit, and well below what a cell accepts of them all. */
const HEADER_BYTES_MAX = 4_096
const HEADERS_BYTES_MAX = 8_192
const USER_AGENT_CHARACTERS_MAX = 200

interface Forwarded {
  readonly original: Request
  readonly bodyBytesMax: number
  /** Sees the body once it is read, and may throw to refuse it. */
  readonly beforeSent?: ((body: Uint8Array<ArrayBuffer>) => Promise<void>) | undefined
  readonly path: string
  readonly place: Place
  readonly trace: Trace
}

/**
 * @throws {Problem} `cell.unavailable` when the cell cannot be reached in time: a creating request may be repeated with
 *   its key. Before that, what the headers or the body are refused for.
 */
export async function forward(cell: Cell, request: Forwarded): Promise<Response> {
  const { original, bodyBytesMax, beforeSent, path, place, trace } = request
  const headers = pick(original.headers, PASSED_ON)
  assertPassable(headers)
  assertUnencoded(original)
  headers.set('user-agent', userAgentOf(original))
  headers.set(HEADERS.context, contextHeader(place, trace))
  headers.set('traceparent', trace.traceparent())
  const body = await readBody(original, bodyBytesMax)
  await beforeSent?.(body)
  const response = await fetchSigned(cell, {
    method: original.method === 'HEAD' ? 'GET' : original.method,
    path,
    headers,
    body,
    timeoutMs: FORWARD_TIMEOUT_MS,
  }).catch((cause: unknown) => {
    throw new Problem('cell.unavailable', { retryAfterSeconds: 2, cause })
  })
  return await passedBack(response)
}

/** A page that the cell serves to anyone, unsigned. */
export async function forwardPage(cell: Cell, path: string): Promise<Response> {
  const signal = AbortSignal.timeout(PAGE_TIMEOUT_MS)
  const response = await fetch(cell.url + path, { signal }).catch((cause: unknown) => {
    throw new Problem('cell.unavailable', { retryAfterSeconds: 2, cause })
  })
  return await passedBack(response)
}

async function passedBack(response: Response): Promise<Response> {
  // That the cell does not trust this edge is the operator's affair, not the caller's.
  const isUntrusted =
    response.status === 401 && (await response.clone().text()).includes('request.unsigned')
  if (isUntrusted) throw new Problem('cell.unavailable', { cause: new Error('unsigned') })
  return new Response(response.body, {
    status: response.status,
    headers: pick(response.headers, PASSED_BACK),
  })
}

/**
 * Only visible ASCII, spaces and tabs are passed on: other bytes are read differently by the parts they go through, and
 * would no longer be what was signed.
 */
function assertPassable(headers: Headers): void {
  let bytes = 0
  for (const [name, value] of headers) {
    bytes += value.length
    if (value.length > HEADER_BYTES_MAX || bytes > HEADERS_BYTES_MAX) {
      const detail = `has over ${HEADER_BYTES_MAX} bytes, or ${HEADERS_BYTES_MAX} with the others`
      throw invalidField('header', `/${name}`, detail, 'request.too_large')
    }
    if (!/^[\t -~]*$/.test(value)) {
      throw invalidField('header', `/${name}`, 'must be visible ASCII characters')
    }
  }
}

/** Bodies are read as they come: a limit on encoded bytes would say nothing of what they hold (RFC 9110 §8.4). */
function assertUnencoded({ headers }: Request): void {
  const encoding = headers.get('content-encoding') ?? 'identity'
  if (encoding.toLowerCase() === 'identity') return
  throw invalidField(
    'header',
    '/content-encoding',
    'the body must not be encoded',
    'request.unsupported_type',
  )
}

function pick(from: Headers, names: readonly string[]): Headers {
  const picked = new Headers()
  for (const name of names) {
    const value = from.get(name)
    if (value !== null) picked.set(name, value)
  }
  return picked
}

/** By which somebody knows their devices again; nothing is decided by it. */
function userAgentOf({ headers }: Request): string {
  const text = headers.get('user-agent') ?? 'unknown'
  return text.slice(0, USER_AGENT_CHARACTERS_MAX).replaceAll(/[^ -~]/g, '?')
}

/** A structured-field dictionary (RFC 9651). Every value is of a form that needs no escaping. */
function contextHeader(place: Place, trace: Trace): string {
  const members = [`request="${trace.requestId}"`]
  for (const [name, value] of Object.entries(place)) {
    if (value !== null && /^[\w-]{1,16}$/.test(value)) members.push(`${name}="${value}"`)
  }
  return members.join(', ')
}
