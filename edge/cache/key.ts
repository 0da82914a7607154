/** The key of a cached read: only what its contract declares, in one order. It is also the cell's path and query. */
import type { Cached } from '../../shared/contracts/endpoint.ts'
import type { EndpointFacts } from '../../shared/contracts/facts.ts'
import type { Place } from '../geo/place.ts'

/**
 * @param params decoded path parameters.
 * @param query the caller's, from which undeclared names are dropped. A name given twice is kept twice, for the cell
 *   to refuse.
 */
export function cacheKey(
  facts: EndpointFacts,
  request: { params: Readonly<Record<string, string>>; query: URLSearchParams; place: Place },
): string {
  const { params, query, place } = request
  const path = facts.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  )
  const { vary } = facts.serve as Cached
  const pairs: string[] = []
  for (const name of facts.query) {
    const decided = (vary as readonly string[]).includes(name) ? place[name as keyof Place] : null
    const values = query.getAll(name)
    if (values.length === 0 && decided !== null) values.push(decided)
    for (const value of values) pairs.push(`${name}=${encodeURIComponent(value)}`)
  }
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}
