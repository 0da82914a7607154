/**
 * Verifies the access tokens of one cell, at the edge and again in the cell.
 *
 * A token is first what its cell wrote: a compact JWS in the one form our issuer uses, under a key of that cell (RFC 7515,
 * RFC 8725). Then it is judged like a cache entry: it says which state of its cell it was made from, and whatever
 * ended it since is a change of the `cell` feed. A verified token is remembered until it expires, and judged at each use.
 */
import { base64url, errors, type JWSHeaderParameters } from 'jose'
import type { FeedFollower, WaitUntil } from '../freshness/follower.ts'
import type { Position } from '../freshness/position.ts'
import {
  ACCESS_TOKEN_BYTES_MAX,
  accountTag,
  type Customer,
  keyTag,
  type Staff,
  type Standing,
  sessionTag,
} from '../principal.ts'
import { type ReadClaims, readClaims } from './token-claims.ts'
import { readToken, type TokenForm } from './token-form.ts'

/** Precise inside, for counters and logs; outside every refusal is the same 401. */
export type TokenRefusal = 'malformed' | 'unknown_issuer' | 'unverified' | 'claims' | 'revoked'

export type Verified =
  | { readonly ok: true; readonly principal: Customer | Staff }
  | { readonly ok: false; readonly reason: TokenRefusal }
  /** The keys cannot be fetched, so nothing can be said about the token. */
  | { readonly ok: false; readonly reason: 'keys_unavailable' }

/** A question to the cell itself: does the session still stand, and did nothing end the token since its stamp? */
export type AskHome = (asked: { session: string; standing: Standing }) => Promise<HomeAnswer>

/** The state the cell looked at, for a token that stands; `ended` for one that does not. */
export type HomeAnswer = Position | 'ended'

/** The published key of that name for that algorithm. @throws {errors.JOSEError} when there is none, or not just one. */
export type TokenKeys = (header: JWSHeaderParameters) => Promise<CryptoKey>

interface Remembered {
  readonly principal: Customer | Staff
  readonly expiresAtMs: number
  readonly key: string
  standing: Standing
  /** The version of our knowledge by which it was last found to stand. */
  judgedAt: number
  isEnded: boolean
}

/** RFC 8037 §3.1, RFC 7518 §3.4. */
const ALGORITHMS = { EdDSA: { name: 'Ed25519' }, ES256: { name: 'ECDSA', hash: 'SHA-256' } }
const REVOKED: Verified = { ok: false, reason: 'revoked' }

export class TokenVerifier {
  readonly cell: string
  readonly #keys: TokenKeys
  readonly #follower: FeedFollower
  readonly #askHome: AskHome
  readonly #rememberedMax: number
  #remembered = new Map<string, Remembered>()
  #rememberedBefore = new Map<string, Remembered>()

  constructor(options: {
    cell: string
    /** The cell's published keys; they alone are tried. */
    keys: TokenKeys
    /** Of the cell's `cell` feed. */
    follower: FeedFollower
    askHome: AskHome
    rememberedMax: number
  }) {
    this.cell = options.cell
    this.#keys = options.keys
    this.#follower = options.follower
    this.#askHome = options.askHome
    this.#rememberedMax = options.rememberedMax
  }

  /** How many tokens are remembered. */
  get size(): number {
    return this.#remembered.size + this.#rememberedBefore.size
  }

  /** Without waiting, for a token verified before; `null` when `verify` must be asked. */
  known(token: string, nowMs: number, waitUntil: WaitUntil): Verified | null {
    const known = this.#recall(token, nowMs)
    return known === undefined ? null : this.#standsNow(known, waitUntil)
  }

  /**
   * Where the feed cannot be reached, a token that is otherwise good is honoured until it expires: the cell, which alone
   * can answer anything that is somebody's own, judges it by itself.
   *
   * @param form of the token, where it was read already.
   */
  async verify(
    token: string,
    nowMs: number,
    waitUntil: WaitUntil,
    form: TokenForm | null = readToken(token),
  ): Promise<Verified> {
    const known = this.#recall(token, nowMs)
    if (known !== undefined) return await this.#stand(known, waitUntil)
    if (form === null) return { ok: false, reason: 'malformed' }
    // First, because they cost a fraction of a signature; nothing is made of them before that is verified.
    const claims = readClaims(form.claims, this.cell, nowMs / 1_000)
    if (claims === null) return { ok: false, reason: 'claims' }
    const reason = await this.#refusalOf(form)
    if (reason !== null) return { ok: false, reason }
    const verified = rememberedOf(claims, form.kid)
    this.#remember(token, verified)
    return this.#standsNow(verified, waitUntil) ?? (await this.#stand(verified, waitUntil))
  }

  /**
   * By the signature alone. jose chooses the key, and only one that is published for this algorithm; the rest of what it
   * would look at is the form, which has been read.
   */
  async #refusalOf(form: TokenForm): Promise<'unverified' | 'keys_unavailable' | null> {
    const { alg, kid } = form
    let key: CryptoKey
    try {
      key = await this.#keys({ alg, kid })
    } catch (error) {
      return isAboutKeys(error) ? 'keys_unavailable' : 'unverified'
    }
    try {
      const signature = bytes(base64url.decode(form.signature))
      const input = bytes(encoder.encode(form.input))
      const isGood = await crypto.subtle.verify(ALGORITHMS[alg], key, signature, input)
      return isGood ? null : 'unverified'
    } catch {
      return 'unverified'
    }
  }

  /** By what is known already; `null` where the feed or the cell must be asked. */
  #standsNow(token: Remembered, waitUntil: WaitUntil): Verified | null {
    if (token.isEnded) return REVOKED
    const follower = this.#follower
    if (!follower.isCurrent) return null
    follower.refreshBehind(waitUntil)
    const { version } = follower.knowledge
    if (token.judgedAt !== version) {
      if (this.#judge(token) !== 'fresh') return null
      token.judgedAt = version
    }
    return { ok: true, principal: token.principal }
  }

  async #stand(token: Remembered, waitUntil: WaitUntil): Promise<Verified> {
    if (token.isEnded) return REVOKED
    const good: Verified = { ok: true, principal: token.principal }
    const follower = this.#follower
    if (!follower.isCurrent && !(await follower.bringUpTo(null, waitUntil))) return good
    const judgement = this.#judge(token)
    if (judgement === 'changed') return end(token)
    if (judgement === 'unknown') {
      const { session } = token.principal
      const answer = await this.#askHome({ session, standing: token.standing }).catch(() => null)
      if (answer === null) return good
      if (answer === 'ended') return end(token)
      const { n: stamp, history } = answer
      token.standing = { ...token.standing, stamp, history }
      if (this.#judge(token) === 'changed') return end(token)
      return good
    }
    token.judgedAt = follower.knowledge.version
    return good
  }

  /** A key is withdrawn once, and whoever has it could write any stamp. */
  #judge({ standing, key }: Remembered): 'fresh' | 'changed' | 'unknown' {
    const { knowledge } = this.#follower
    return knowledge.hasChanged(key) ? 'changed' : knowledge.judge(standing)
  }

  #recall(token: string, nowMs: number): Remembered | undefined {
    const known = this.#remembered.get(token) ?? this.#rememberedBefore.get(token)
    return known !== undefined && known.expiresAtMs > nowMs ? known : undefined
  }

  /** Two generations: to drop the oldest one by one costs a map more than all else that is done with it. */
  #remember(token: string, verified: Remembered): void {
    if (this.#remembered.size >= Math.floor(this.#rememberedMax / 2)) {
      this.#rememberedBefore = this.#remembered
      this.#remembered = new Map()
    }
    this.#remembered.set(token, verified)
  }
}

function rememberedOf(
  { principal, position, expiresSeconds }: ReadClaims,
  kid: string,
): Remembered {
  const key = keyTag(kid)
  const tags = [sessionTag(principal.session), accountTag(principal.id), key]
  return {
    principal,
    expiresAtMs: expiresSeconds * 1_000,
    key,
    standing: { tags, stamp: position.n, history: position.history },
    judgedAt: -1,
    isEnded: false,
  }
}

function end(token: Remembered): Verified {
  token.isEnded = true
  return REVOKED
}

const encoder = new TextEncoder()

/** Neither writes into shared memory, which their types do not say. */
function bytes(made: Uint8Array): Uint8Array<ArrayBuffer> {
  return made as Uint8Array<ArrayBuffer>
}

const SCHEME = 'bearer '

/**
 * What an `Authorization` header shows as a token (RFC 6750 §2.1), of whatever form; `null` for another scheme, or what is
 * longer than any of ours.
 */
export function bearerToken(authorization: string): string | null {
  if (authorization.length > ACCESS_TOKEN_BYTES_MAX) return null
  const isBearer = authorization.slice(0, SCHEME.length).toLowerCase() === SCHEME
  return isBearer ? authorization.slice(SCHEME.length) : null
}

/** jose says in classes of its own that no key is the token's; any other failure is that of fetching the keys. */
function isAboutKeys(error: unknown): boolean {
  return !(error instanceof errors.JOSEError)
}
