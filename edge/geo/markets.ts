/** The markets, read like any other cached read and parsed once an entry. */
import type {
  CachedReads,
  CachedRequest,
  Origin,
  Served,
} from '../../shared/freshness/cached-reads.ts'
import type { Entry } from '../../shared/freshness/entry.ts'
import type { WaitUntil } from '../../shared/freshness/follower.ts'
import type { MarketFacts } from './place.ts'

export class Markets {
  readonly #reads: CachedReads
  readonly #request: CachedRequest
  readonly #parsed = new WeakMap<Entry, readonly MarketFacts[]>()

  constructor(reads: CachedReads, origin: Origin) {
    this.#reads = reads
    this.#request = { key: '/v1/markets', origin, position: null, staleIfErrorSeconds: 86_400 }
  }

  /** Without waiting, when memory holds them fresh. */
  known(waitUntil: WaitUntil): readonly MarketFacts[] | null {
    return this.#read(this.#reads.fromMemory(this.#request, waitUntil))
  }

  /** `null` when they cannot be had. */
  async load(waitUntil: WaitUntil): Promise<readonly MarketFacts[] | null> {
    return this.#read(await this.#reads.read(this.#request, waitUntil))
  }

  #read(served: Served | null): readonly MarketFacts[] | null {
    if (served?.kind !== 'entry') return null
    const known = this.#parsed.get(served.entry)
    if (known !== undefined) return known
    const { items } = JSON.parse(new TextDecoder().decode(served.entry.body)) as {
      items: MarketFacts[]
    }
    this.#parsed.set(served.entry, items)
    return items
  }
}
