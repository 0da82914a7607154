/**
 * The public keys of one cell, as it publishes them (RFC 7517 §5), kept by an isolate for all of its requests.
 *
 * A key that is not known makes us ask again, so that one that was made just now is found; but a caller can name any, so
 * the cell is asked at most once a cooldown, by however many requests at a time. jose's own remote set lets each request
 * of a Worker fetch for itself, and after a failure all of them.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet } from 'jose'
import type { TokenKeys } from '../../shared/auth/token-verifier.ts'
import { within } from '../../shared/freshness/within.ts'

/** A key is published for longer than this before it signs. */
export const KEYS_AGE_MS_MAX = 300_000
/** Keys that were good a while ago are better than none, while the cell cannot be reached. */
export const KEYS_STALE_MS_MAX = 3_600_000
export const KEYS_COOLDOWN_MS = 5_000
/** After a failure, where there is nothing that is fresh. */
export const KEYS_RETRY_MS = 1_000
/** Another request's fetch may be cut off with it, and would never end. */
const JOIN_MS_MAX = 3_500

export class PublishedKeys {
  readonly #fetch: () => Promise<JSONWebKeySet>
  readonly #now: () => number
  #known: TokenKeys | null = null
  /** What `#known` has found, by algorithm and name. */
  #found = new Map<string, CryptoKey>()
  #fetchedAtMs = Number.NEGATIVE_INFINITY
  #attemptedAtMs = Number.NEGATIVE_INFINITY
  #underWay: Promise<void> | null = null

  /** @param options.fetch ends in time, one way or the other. */
  constructor(options: { fetch: () => Promise<JSONWebKeySet>; now: () => number }) {
    this.#fetch = options.fetch
    this.#now = options.now
  }

  /** @throws {Error} none of jose's, when there are no keys to be had. */
  readonly verify: TokenKeys = async (header) => {
    if (this.#ageMs >= KEYS_AGE_MS_MAX) await this.#refresh(KEYS_RETRY_MS)
    const known = this.#known
    if (known === null || this.#ageMs >= KEYS_STALE_MS_MAX) throw new Error('there are no keys')
    const name = `${header.alg} ${header.kid}`
    const found = this.#found.get(name)
    if (found !== undefined) return found
    try {
      const key = await known(header)
      // Kept unless others were fetched meanwhile, among which it may not be.
      if (this.#known === known) this.#found.set(name, key)
      return key
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      await this.#refresh(KEYS_COOLDOWN_MS)
      if (this.#known === known || this.#known === null) throw error
      return await this.#known(header)
    }
  }

  /** A clock that was set back says nothing of their age. */
  get #ageMs(): number {
    const ageMs = this.#now() - this.#fetchedAtMs
    return ageMs < 0 ? KEYS_AGE_MS_MAX : ageMs
  }

  /** Fetches them, or waits for who does, unless that was tried less than `spacingMs` ago. */
  async #refresh(spacingMs: number): Promise<void> {
    const underWay = this.#underWay
    if (underWay !== null && (await within(underWay, JOIN_MS_MAX)) !== 'late') return
    const sinceMs = this.#now() - this.#attemptedAtMs
    if (sinceMs >= 0 && sinceMs < spacingMs) return
    this.#attemptedAtMs = this.#now()
    const own = this.#load().finally(() => {
      if (this.#underWay === own) this.#underWay = null
    })
    this.#underWay = own
    await own
  }

  async #load(): Promise<void> {
    const startedAtMs = this.#now()
    try {
      this.#known = createLocalJWKSet(await this.#fetch())
      this.#found = new Map()
      this.#fetchedAtMs = startedAtMs
    } catch {
      // Whoever finds none says so.
    }
  }
}

/** @throws when the cell does not answer in time, or with no key set. */
export async function fetchKeys(cellUrl: string, timeoutMs: number): Promise<JSONWebKeySet> {
  const response = await fetch(`${cellUrl}/.well-known/jwks.json`, {
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status !== 200) throw new Error(`the keys are answered with a ${response.status}`)
  return await response.json()
}
