/**
 * Step 3 of a cached read: the key that an address comes to, from a country, in some languages, for a customer group. It
 * is remembered by those four, so that a read that is asked for often is routed, taken apart and put together once.
 */
import type { Cached } from '../../shared/contracts/endpoint.ts'
import type { EndpointFacts } from '../../shared/contracts/facts.ts'
import type { CachedRequest, Origin } from '../../shared/freshness/cached-reads.ts'
import { countryOf, type MarketFacts, placeOf, queryOf, wishesOf } from '../geo/place.ts'
import { cacheKey } from './key.ts'

export const READS_MAX = 4_000
/** Of address, country and languages together. What is longer is rare, and worth no memory. */
const SIGNS_CHARACTERS_MAX = 512

/** At an address that does not name its place: country and languages decide. */
const PLACED_BY_SIGNS = Symbol('placed by signs')

type Known = Map<string, CachedRequest | typeof PLACED_BY_SIGNS>

export class ReadKeys {
  /** Forgotten with the markets that they were chosen from. */
  readonly #known = new WeakMap<readonly MarketFacts[], Known>()
  readonly #origin: Origin

  constructor(origin: Origin) {
    this.#origin = origin
  }

  /** What this request was found to ask for before; `null` when it must be routed and made. */
  known(
    request: Request,
    from: { group: string | null; directory: readonly MarketFacts[] },
  ): CachedRequest | null {
    if (request.method !== 'GET') return null
    const known = this.#known.get(from.directory)
    const address = addressOf(request, from.group)
    const named = known?.get(address)
    // Country and languages are read only where they decide: that costs as much as all the rest.
    const found = named === PLACED_BY_SIGNS ? known?.get(signsOf(request, address)) : named
    return found === undefined || found === PLACED_BY_SIGNS ? null : found
  }

  make(
    facts: EndpointFacts,
    asked: {
      request: Request
      /** Decoded path parameters. */
      params: Readonly<Record<string, string>>
      /** The caller's customer group, by its verified token. */
      group: string | null
      directory: readonly MarketFacts[]
    },
  ): CachedRequest {
    const { request, params, group, directory } = asked
    const query = queryOf(request.url)
    const place = placeOf(wishesOf(request, query), directory)
    const { vary, staleIfErrorSeconds } = facts.serve as Cached
    const key = cacheKey(facts, { params, query, place, group })
    const read = { key, origin: this.#origin, position: null, staleIfErrorSeconds }
    // An address with a position is as good as unique.
    if (query.has('position')) return read
    const known = this.#known.get(directory) ?? new Map()
    this.#known.set(directory, known)
    const address = addressOf(request, group)
    const isPlaced = vary.every((dimension) => dimension === 'group' || query.has(dimension))
    if (!isPlaced) remember(known, signsOf(request, address), read)
    remember(known, address, isPlaced ? read : PLACED_BY_SIGNS)
    return read
  }
}

/** As a group sees it. Neither a group nor an address holds a space, so these are never mistaken for each other. */
function addressOf({ url }: Request, group: string | null): string {
  return group === null ? url : `${group} ${url}`
}

function signsOf(request: Request, address: string): string {
  return `${address} ${countryOf(request)} ${request.headers.get('accept-language')}`
}

function remember(known: Known, signs: string, read: CachedRequest | typeof PLACED_BY_SIGNS): void {
  if (signs.length > SIGNS_CHARACTERS_MAX) return
  if (known.size >= READS_MAX && !known.has(signs)) {
    const [oldest] = known.keys()
    known.delete(oldest!)
  }
  known.set(signs, read)
}
