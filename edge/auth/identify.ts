/**
 * Step 2: who asks. A bearer token is verified against the keys of the cell that issued it; without one the caller
 * is a guest.
 *
 * The key is chosen by `iss` and `kid` alone among the keys that cell publishes; nothing in the token can bring a key.
 */
import { createRemoteJWKSet, decodeJwt, errors, jwtVerify } from 'jose'
import {
  ACCESS_TOKEN_BYTES_MAX,
  accessTokenRules,
  GUEST,
  issuerOf,
  type Principal,
  principalFromClaims,
} from '../../shared/principal.ts'
import type { Cell } from '../config.ts'

/** Precise inside, for counters; outside every refusal is the same 401. */
export type TokenRefusal = 'malformed' | 'too_long' | 'unknown_issuer' | 'unverified' | 'claims'

export type Identified =
  | { ok: true; principal: Principal }
  | { ok: false; reason: TokenRefusal }
  /** The keys cannot be fetched, so nothing can be said about the token. */
  | { ok: false; reason: 'keys_unavailable' }

const VERIFIED_MAX = 5_000
const KEYS_TIMEOUT_MS = 3_000
/** An unknown `kid` makes us ask for the keys again, at most this often. */
const KEYS_COOLDOWN_MS = 30_000
const KEYS_AGE_MS_MAX = 600_000

export class TokenVerifier {
  readonly #issuers: Map<string, { cell: string; keys: ReturnType<typeof createRemoteJWKSet> }>
  readonly #verified = new Map<string, { principal: Principal; expiresAtMs: number }>()

  constructor(cells: Iterable<Cell>) {
    this.#issuers = new Map(
      [...cells].map(({ name, url }) => {
        const keys = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`), {
          timeoutDuration: KEYS_TIMEOUT_MS,
          cooldownDuration: KEYS_COOLDOWN_MS,
          cacheMaxAge: KEYS_AGE_MS_MAX,
        })
        return [issuerOf(name), { cell: name, keys }]
      }),
    )
  }

  /** Without waiting, for a guest or a token verified before; `null` when it must be verified. */
  known(authorization: string | null, nowMs: number): Identified | null {
    if (authorization === null) return { ok: true, principal: GUEST }
    const known = this.#verified.get(authorization)
    if (known === undefined || known.expiresAtMs <= nowMs) return null
    return { ok: true, principal: known.principal }
  }

  async identify(authorization: string, nowMs: number): Promise<Identified> {
    const token = /^Bearer ([A-Za-z0-9._-]+)$/i.exec(authorization)?.[1]
    if (token === undefined) return { ok: false, reason: 'malformed' }
    if (token.length > ACCESS_TOKEN_BYTES_MAX) return { ok: false, reason: 'too_long' }
    const issuer = this.#issuers.get(issuerIn(token) ?? '')
    if (issuer === undefined) return { ok: false, reason: 'unknown_issuer' }
    try {
      const rules = accessTokenRules(issuer.cell, new Date(nowMs))
      const { payload } = await jwtVerify(token, issuer.keys, rules)
      const principal = principalFromClaims(payload, issuer.cell)
      if (principal === null) return { ok: false, reason: 'claims' }
      this.#remember(authorization, principal, payload.exp! * 1_000)
      return { ok: true, principal }
    } catch (error) {
      return { ok: false, reason: isAboutKeys(error) ? 'keys_unavailable' : 'unverified' }
    }
  }

  #remember(authorization: string, principal: Principal, expiresAtMs: number): void {
    if (this.#verified.size >= VERIFIED_MAX) {
      const [oldest] = this.#verified.keys()
      this.#verified.delete(oldest!)
    }
    this.#verified.set(authorization, { principal, expiresAtMs })
  }
}

function issuerIn(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

/** jose wraps what a token does wrong in its own classes; a bare one, or a time-out, is the key set's. */
function isAboutKeys(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return true
  return !(error instanceof errors.JOSEError) || error.code === 'ERR_JOSE_GENERIC'
}
