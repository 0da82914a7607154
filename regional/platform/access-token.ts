/** Verifies access tokens again in the cell, and remembers the verified ones for their life. */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import {
  ACCESS_TOKEN_ALGORITHMS,
  ACCESS_TOKEN_AUDIENCE,
  ACCESS_TOKEN_BYTES_MAX,
  ACCESS_TOKEN_SECONDS_MAX,
  ACCESS_TOKEN_SKEW_SECONDS,
  ACCESS_TOKEN_TYPE,
  GUEST,
  issuerOf,
  type Principal,
  principalFromClaims,
} from '../../shared/principal.ts'
import { Problem } from '../../shared/problems.ts'
import type { Clock } from './clock.ts'

const REMEMBERED_MAX = 10_000

export class AccessTokens {
  readonly #keys: ReturnType<typeof createLocalJWKSet>
  readonly #cell: string
  readonly #clock: Clock
  readonly #verified = new Map<string, { principal: Principal; expiresSeconds: number }>()

  constructor(options: { jwks: JSONWebKeySet; cell: string; clock: Clock }) {
    this.#keys = createLocalJWKSet(options.jwks)
    this.#cell = options.cell
    this.#clock = options.clock
  }

  /** @throws {Problem} `token.refused`, the same for every reason. */
  async principalOf(authorization: string | null | undefined): Promise<Principal> {
    if (!authorization) return GUEST
    const token = /^Bearer ([A-Za-z0-9._-]+)$/i.exec(authorization)?.[1]
    if (token === undefined || token.length > ACCESS_TOKEN_BYTES_MAX) {
      throw new Problem('token.refused')
    }
    const nowSeconds = this.#clock.now().getTime() / 1_000
    const known = this.#verified.get(token)
    if (known !== undefined && known.expiresSeconds > nowSeconds) return known.principal
    return await this.#verify(token)
  }

  async #verify(token: string): Promise<Principal> {
    const verified = await jwtVerify(token, this.#keys, {
      algorithms: [...ACCESS_TOKEN_ALGORITHMS],
      issuer: issuerOf(this.#cell),
      audience: ACCESS_TOKEN_AUDIENCE,
      typ: ACCESS_TOKEN_TYPE,
      clockTolerance: ACCESS_TOKEN_SKEW_SECONDS,
      maxTokenAge: ACCESS_TOKEN_SECONDS_MAX,
      requiredClaims: ['sub', 'exp', 'iat'],
      currentDate: this.#clock.now(),
    }).catch((cause: unknown) => {
      throw new Problem('token.refused', { cause })
    })
    const principal = principalFromClaims(verified.payload, this.#cell)
    // It is remembered until it expires, so what claims a longer life than is allowed must not get that far.
    const { iat, exp } = verified.payload as { iat: number; exp: number }
    if (principal === null || exp - iat > ACCESS_TOKEN_SECONDS_MAX) {
      throw new Problem('token.refused')
    }
    this.#remember(token, principal, exp)
    return principal
  }

  #remember(token: string, principal: Principal, expiresSeconds: number): void {
    if (this.#verified.size >= REMEMBERED_MAX) {
      const [oldest] = this.#verified.keys()
      this.#verified.delete(oldest!)
    }
    this.#verified.set(token, { principal, expiresSeconds })
  }
}
