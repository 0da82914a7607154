/**
 * Token buckets, one a key and bounded in number: what somebody may do in a burst and, over time, at a rate.
 *
 * They are their process's own: as many isolates or processes as serve somebody, so many times may they do it.
 */

export interface BucketRule {
  /** Tokens that a key starts with and at most holds. */
  readonly burst: number
  /** In which one token comes back. */
  readonly refillMs: number
}

/** What came of asking for a token. */
export interface Taken {
  readonly allowed: boolean
  /** Whole tokens that are left. */
  readonly remaining: number
  /** Whole seconds until there is one more. */
  readonly nextSeconds: number
}

const KEYS_MAX = 10_000

export class TokenBuckets {
  readonly #rule: BucketRule
  readonly #keysMax: number
  /** When each bucket will be full again: all there is to know of it, and exact in whole milliseconds. */
  readonly #fullAtMs = new Map<string, number>()

  /** @param keysMax past it, the key that was asked for longest ago is forgotten, and starts anew. */
  constructor(rule: BucketRule, keysMax: number = KEYS_MAX) {
    this.#rule = rule
    this.#keysMax = keysMax
  }

  get size(): number {
    return this.#fullAtMs.size
  }

  /** Takes one token, when there is one. A clock that is set back leaves a bucket empty for no longer than it takes to fill. */
  take(key: string, nowMs: number): Taken {
    const { burst, refillMs } = this.#rule
    const missingMs = (this.#fullAtMs.get(key) ?? nowMs) - nowMs
    const before = Math.min(Math.max(missingMs, 0), burst * refillMs)
    const allowed = before + refillMs <= burst * refillMs
    const after = allowed ? before + refillMs : before
    this.#remember(key, nowMs + after)
    const remaining = burst - Math.ceil(after / refillMs)
    const nextMs = after - (burst - remaining - 1) * refillMs
    return { allowed, remaining, nextSeconds: Math.ceil(nextMs / 1_000) }
  }

  /** Last, as the one that was asked for most recently. */
  #remember(key: string, fullAtMs: number): void {
    this.#fullAtMs.delete(key)
    if (this.#fullAtMs.size >= this.#keysMax) {
      const [oldest] = this.#fullAtMs.keys()
      this.#fullAtMs.delete(oldest!)
    }
    this.#fullAtMs.set(key, fullAtMs)
  }
}
