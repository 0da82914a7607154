/** The markets, read like any other cached read and parsed once an entry. */
import type { CachedReads, CachedRequest, Origin } from '../../shared/freshness/cached-reads.ts'
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
    const entry = this.#reads.peek(this.#request.key, waitUntil)
    return entry === null ? null : this.#parse(entry)
  }

  /** `null` when they cannot be had. */
  async load(waitUntil: WaitUntil): Promise<readonly MarketFacts[] | null> {
    const served = await this.#reads.read(this.#request, waitUntil)
    return served.kind === 'entry' ? this.#parse(served.entry) : null
  }

  #parse(entry: Entry): readonly MarketFacts[] {
    const known = this.#parsed.get(entry)
    if (known !== undefined) return known
    const { items } = JSON.parse(new TextDecoder().decode(entry.body)) as { items: MarketFacts[] }
    this.#parsed.set(entry, items)
    return items
  }
}
