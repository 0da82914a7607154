/** Writes one call as a request: address, headers and body, by the facts of its contract. */
import type { EndpointFacts } from '../contracts/facts.ts'
import { HEADERS } from '../headers.ts'

export interface CallParts {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
}

export interface Credentials {
  readonly token?: string | undefined
  readonly cartSecret?: string | null | undefined
  readonly idempotencyKey?: string | undefined
  readonly position?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export interface WrittenRequest {
  readonly url: string
  readonly init: RequestInit
}

/** @throws {TypeError} for a path parameter that is missing or would change the path. */
export function requestOf(
  baseUrl: string,
  facts: EndpointFacts,
  parts: CallParts,
  credentials: Credentials,
): WrittenRequest {
  const headers = new Headers(credentials.headers)
  const set = (name: string, value: string | undefined) => {
    if (value !== undefined) headers.set(name, value)
  }
  set('accept', 'application/json')
  set('authorization', credentials.token && `Bearer ${credentials.token}`)
  set(HEADERS.cartSecret, credentials.cartSecret ?? undefined)
  set(HEADERS.idempotencyKey, credentials.idempotencyKey)
  const hasBody = parts.body !== undefined
  if (hasBody) headers.set('content-type', 'application/json')
  const query = queryOf(facts, parts, credentials.position)
  return {
    url: baseUrl.replace(/\/+$/, '') + pathOf(facts, parts.params ?? {}) + query,
    init: {
      method: facts.method.toUpperCase(),
      headers,
      // The API never redirects, and a redirect would carry the cart's secret to another host.
      redirect: 'error',
      credentials: 'omit',
      ...(hasBody ? { body: JSON.stringify(parts.body) } : {}),
    },
  }
}

function pathOf({ id, path }: EndpointFacts, params: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name]
    if (typeof value !== 'string' || value === '' || value === '.' || value === '..') {
      throw new TypeError(`${id} needs the path parameter ${name}`)
    }
    return encodeURIComponent(value)
  })
}

/**
 * In the order of the declaration, so that equal calls have equal addresses.
 *
 * A cached read tells its position here, not in a header of our own, which would cost a page of another origin a
 * preflight for every new address. What a cell answers needs none: it knows its own newest state.
 */
function queryOf(
  { query: names, serve }: EndpointFacts,
  { query = {} }: CallParts,
  position: string | undefined,
): string {
  const search = new URLSearchParams()
  for (const name of names) {
    const value = query[name]
    if (value !== undefined && value !== null) search.set(name, String(value))
  }
  if (serve.kind === 'cached' && position !== undefined) search.set('position', position)
  return search.size === 0 ? '' : `?${search}`
}
