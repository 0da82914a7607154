/** What every response of the edge carries: CORS, security headers, and the request's id. */
import { HEADERS } from '../shared/headers.ts'
import type { Trace } from './trace/trace.ts'

const EXPOSED = [
  HEADERS.position,
  HEADERS.requestId,
  HEADERS.cell,
  HEADERS.cacheStatus,
  'etag',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'server-timing',
].join(', ')

const PREFLIGHT_SECONDS = 86_400

/** Any origin may read: nothing here is decided by a cookie, only by what a caller presents itself. */
export const FIXED_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': EXPOSED,
  'cross-origin-resource-policy': 'cross-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
}

/** Adds them to a response that was made elsewhere. */
export function secured(from: Response, trace: Trace): Response {
  const response = new Response(from.body, from)
  for (const [name, value] of Object.entries(FIXED_HEADERS)) response.headers.set(name, value)
  response.headers.set(HEADERS.requestId, trace.requestId)
  return response
}

/** Takes back what lets other origins read a response. */
export function unshared(response: Response): Response {
  response.headers.delete('access-control-allow-origin')
  response.headers.set('cross-origin-resource-policy', 'same-origin')
  return response
}

/** The answer to a CORS preflight, for any endpoint. */
export function preflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...FIXED_HEADERS,
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': [
        'authorization',
        'content-type',
        'if-none-match',
        HEADERS.idempotencyKey,
        HEADERS.cartSecret,
        HEADERS.position,
        'traceparent',
      ].join(', '),
      'access-control-max-age': String(PREFLIGHT_SECONDS),
    },
  })
}
