/** Verifies access tokens again in the cell, and remembers the verified ones for their life. */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import {
  ACCESS_TOKEN_BYTES_MAX,
  accessTokenRules,
  GUEST,
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
    const rules = accessTokenRules(this.#cell, this.#clock.now())
    const { payload } = await jwtVerify(token, this.#keys, rules).catch((cause: unknown) => {
      throw new Problem('token.refused', { cause })
    })
    const principal = principalFromClaims(payload, this.#cell)
    if (principal === null) throw new Problem('token.refused')
    this.#remember(token, principal, payload.exp!)
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
