/**
 * Verifies the access tokens of one cell, at the edge and again in the cell.
 *
 * A token is first what its cell wrote: a compact JWS in the one form our issuer uses, under a key of that cell (RFC 7515,
 * RFC 8725). Then it is judged like a cache entry: it says which state of its cell it was made from, and whatever
 * ended it since is a change of the `cell` feed. A verified token is remembered until it expires, and judged at each use.
 */
import { errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import type { FeedFollower, WaitUntil } from '../freshness/follower.ts'
import { type Position, parsePosition } from '../freshness/position.ts'
import {
  ACCESS_TOKEN_BYTES_MAX,
  accessTokenRules,
  accountTag,
  type Customer,
  keyTag,
  principalFromClaims,
  type Staff,
  type Standing,
  sessionTag,
} from '../principal.ts'
import { readToken } from './token-form.ts'

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

interface Remembered {
  readonly principal: Customer | Staff
  readonly expiresAtMs: number
  readonly key: string
  standing: Standing
  /** The version of our knowledge by which it was last found to stand. */
  judgedAt: number
  isEnded: boolean
}

const REVOKED: Verified = { ok: false, reason: 'revoked' }

export class TokenVerifier {
  readonly cell: string
  readonly #keys: JWTVerifyGetKey
  readonly #follower: FeedFollower
  readonly #askHome: AskHome
  readonly #rememberedMax: number
  readonly #remembered = new Map<string, Remembered>()

  constructor(options: {
    cell: string
    /** The cell's published keys; they alone are tried. */
    keys: JWTVerifyGetKey
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
    return this.#remembered.size
  }

  /** Without waiting, for a token verified before; `null` when `verify` must be asked. */
  known(token: string, nowMs: number, waitUntil: WaitUntil): Verified | null {
    const known = this.#remembered.get(token)
    if (known === undefined || known.expiresAtMs <= nowMs) return null
    if (known.isEnded) return REVOKED
    const follower = this.#follower
    if (!follower.isCurrent) return null
    follower.refreshBehind(waitUntil)
    const { version } = follower.knowledge
    if (known.judgedAt !== version) {
      if (this.#judge(known) !== 'fresh') return null
      known.judgedAt = version
    }
    return { ok: true, principal: known.principal }
  }

  /**
   * Where the feed cannot be reached, a token that is otherwise good is honoured until it expires: the cell, which alone
   * can answer anything that is somebody's own, judges it by itself.
   */
  async verify(token: string, nowMs: number, waitUntil: WaitUntil): Promise<Verified> {
    const known = this.#remembered.get(token)
    if (known !== undefined && known.expiresAtMs > nowMs) return await this.#stand(known, waitUntil)
    const verified = await this.#verified(token, nowMs)
    if ('reason' in verified) return { ok: false, reason: verified.reason }
    this.#remember(token, verified)
    return await this.#stand(verified, waitUntil)
  }

  async #verified(
    token: string,
    nowMs: number,
  ): Promise<Remembered | { reason: TokenRefusal | 'keys_unavailable' }> {
    const form = readToken(token)
    if (form === null) return { reason: 'malformed' }
    try {
      const rules = accessTokenRules(this.cell, new Date(nowMs))
      const { payload } = await jwtVerify(token, this.#keys, rules)
      const principal = principalFromClaims(payload, this.cell)
      const stamp = payload.position
      const position = typeof stamp === 'string' ? parsePosition(stamp, 'cell') : null
      if (principal === null || position === null) return { reason: 'claims' }
      const key = keyTag(form.kid)
      const tags = [sessionTag(principal.session), accountTag(principal.id), key]
      return {
        principal,
        expiresAtMs: payload.exp! * 1_000,
        key,
        standing: { tags, stamp: position.n, history: position.history },
        judgedAt: -1,
        isEnded: false,
      }
    } catch (error) {
      return { reason: isAboutKeys(error) ? 'keys_unavailable' : 'unverified' }
    }
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

  #remember(token: string, verified: Remembered): void {
    if (this.#remembered.size >= this.#rememberedMax) {
      const [oldest] = this.#remembered.keys()
      this.#remembered.delete(oldest!)
    }
    this.#remembered.set(token, verified)
  }
}

function end(token: Remembered): Verified {
  token.isEnded = true
  return REVOKED
}

/**
 * The token of an `Authorization` header (RFC 6750 §2.1); `null` for what is none, or is longer than any of ours.
 */
export function bearerToken(authorization: string): string | null {
  if (authorization.length > ACCESS_TOKEN_BYTES_MAX) return null
  return /^Bearer ([A-Za-z0-9._-]+)$/i.exec(authorization)?.[1] ?? null
}

/** jose wraps what a token does wrong in its own classes; a bare one, or a time-out, is the key set's. */
function isAboutKeys(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return true
  return !(error instanceof errors.JOSEError) || error.code === 'ERR_JOSE_GENERIC'
}
