/** The key of a cached read: only what its contract declares, in one order. It is also the cell's path and query. */
import type { Cached } from '../../shared/contracts/endpoint.ts'
import type { EndpointFacts } from '../../shared/contracts/facts.ts'
import { GROUP_PARAMETER } from '../../shared/principal.ts'
import type { Place } from '../geo/place.ts'

/**
 * @param params decoded path parameters.
 * @param query the caller's, from which undeclared names are dropped. A name given twice is kept twice, for the cell
 *   to refuse.
 * @param group by the caller's verified token alone: no contract declares such a parameter, so no query can name it.
 */
export function cacheKey(
  facts: EndpointFacts,
  request: {
    params: Readonly<Record<string, string>>
    query: URLSearchParams
    place: Place
    group: string | null
  },
): string {
  const { params, query, place, group } = request
  let path = ''
  for (const { literal, name } of segmentsOf(facts)) {
    path += name === null ? literal : literal + encodeURIComponent(params[name] ?? '')
  }
  const { vary } = facts.serve as Cached
  const pairs: string[] = []
  for (const name of facts.query) {
    const decided = (vary as readonly string[]).includes(name) ? place[name as keyof Place] : null
    const values = query.getAll(name)
    if (values.length === 0 && decided !== null) values.push(decided)
    for (const value of values) pairs.push(`${name}=${encodeURIComponent(value)}`)
  }
  if (group !== null && vary.includes('group')) pairs.push(`${GROUP_PARAMETER}=${group}`)
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

interface Segment {
  /** What stands before the parameter, or all there is. */
  readonly literal: string
  readonly name: string | null
}

const segments = new WeakMap<EndpointFacts, Segment[]>()

/** A path template taken apart once a contract, because every request puts it together. */
function segmentsOf(facts: EndpointFacts): Segment[] {
  const known = segments.get(facts)
  if (known !== undefined) return known
  const parts = facts.path.split(/\{(\w+)\}/)
  const made: Segment[] = []
  for (let index = 0; index < parts.length; index += 2) {
    made.push({ literal: parts[index]!, name: parts[index + 1] ?? null })
  }
  segments.set(facts, made)
  return made
}
