/** What the claims of an access token say (RFC 7519 §4.1, RFC 9068 §2.2), read as strictly as our issuers write them. */
import { type Position, parsePosition } from '../freshness/position.ts'
import {
  ACCESS_TOKEN_AUDIENCE,
  ACCESS_TOKEN_SECONDS_MAX,
  ACCESS_TOKEN_SKEW_SECONDS,
  CUSTOMER_GROUP,
  type Customer,
  issuerOf,
  parseGrants,
  type Staff,
} from '../principal.ts'

type Claims = Readonly<Record<string, unknown>>

export interface ReadClaims {
  readonly principal: Customer | Staff
  /** The state of the cell that the token was made from. */
  readonly position: Position
  readonly expiresSeconds: number
}

/**
 * Who a token is for and until when; `null` when it is not one of this cell and of now. A life longer than
 * `ACCESS_TOKEN_SECONDS_MAX` is nobody's: a verified token is remembered until it expires.
 *
 * @param cell whose key is tried: a cell's key signs for its own residents alone.
 */
export function readClaims(claims: Claims, cell: string, nowSeconds: number): ReadClaims | null {
  // The specification also allows a list; it is then for others too, who might show it to us.
  if (claims.iss !== issuerOf(cell) || claims.aud !== ACCESS_TOKEN_AUDIENCE) return null
  const expiresSeconds = endOf(claims, nowSeconds)
  const principal = principalIn(claims, cell)
  const { position: stamp } = claims
  const position = typeof stamp === 'string' ? parsePosition(stamp, 'cell') : null
  if (expiresSeconds === null || principal === null || position === null) return null
  return { principal, position, expiresSeconds }
}

/** `exp`, where the token's life has begun, has not ended, and is no longer than any of ours. */
function endOf({ iat, nbf = iat, exp }: Claims, nowSeconds: number): number | null {
  if (!isTime(iat) || !isTime(nbf) || !isTime(exp)) return null
  const lifeSeconds = exp - iat
  if (lifeSeconds <= 0 || lifeSeconds > ACCESS_TOKEN_SECONDS_MAX) return null
  const hasBegun = Math.max(iat, nbf) <= nowSeconds + ACCESS_TOKEN_SKEW_SECONDS
  const hasEnded = exp <= nowSeconds - ACCESS_TOKEN_SKEW_SECONDS
  return hasBegun && !hasEnded ? exp : null
}

function principalIn(claims: Claims, cell: string): Customer | Staff | null {
  const { sub, sid, role, scope, group = null } = claims
  if (!isId(sub) || !isId(sid)) return null
  if (role === 'customer') {
    return isGroup(group) ? { kind: 'customer', id: sub, cell, session: sid, group } : null
  }
  if (role !== 'staff' || typeof scope !== 'string') return null
  return { kind: 'staff', id: sub, cell, session: sid, grants: parseGrants(scope) }
}

function isTime(seconds: unknown): seconds is number {
  return Number.isSafeInteger(seconds)
}

const ID = /^[\w-]{1,128}$/

function isId(id: unknown): id is string {
  return typeof id === 'string' && ID.test(id)
}

function isGroup(group: unknown): group is string | null {
  return group === null || (typeof group === 'string' && CUSTOMER_GROUP.test(group))
}
