/** The markets, read like any other cached read and parsed once an entry. */
import type { CachedReads, Served } from '../../shared/freshness/cached-reads.ts'
import type { Entry } from '../../shared/freshness/entry.ts'
import type { WaitUntil } from '../../shared/freshness/follower.ts'
import type { MarketFacts } from './place.ts'

const REQUEST = { key: '/v1/markets', position: null, staleIfErrorSeconds: 86_400 }

export class Markets {
  readonly #reads: CachedReads
  readonly #parsed = new WeakMap<Entry, readonly MarketFacts[]>()

  constructor(reads: CachedReads) {
    this.#reads = reads
  }

  /** Without waiting, when memory holds them fresh. */
  known(waitUntil: WaitUntil): readonly MarketFacts[] | null {
    return this.#read(this.#reads.fromMemory(REQUEST, waitUntil))
  }

  /** `null` when they cannot be had. */
  async load(waitUntil: WaitUntil): Promise<readonly MarketFacts[] | null> {
    return this.#read(await this.#reads.read(REQUEST, waitUntil))
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
