/** Who is asking, as a verified token (or its absence) says. */

export const SCOPES = [
  'catalogue:read',
  'catalogue:write',
  'inventory:read',
  'inventory:write',
  'carts:read',
  'orders:read',
  'audit:read',
] as const

export type Scope = (typeof SCOPES)[number]

export type Principal =
  | { readonly kind: 'guest' }
  | {
      readonly kind: 'customer'
      readonly id: string
      readonly cell: string
      /** The customer group whose prices are theirs; `null` for everybody's. */
      readonly group: string | null
    }
  | {
      readonly kind: 'staff'
      readonly id: string
      readonly cell: string
      readonly scopes: readonly Scope[]
    }

/** The handle of a customer group. */
export const CUSTOMER_GROUP = /^[a-z][a-z0-9-]{0,31}$/
/** The parameter that carries it in the key of a cached read. No contract may declare it, so no caller can name it. */
export const GROUP_PARAMETER = 'group'

export function groupOf(principal: Principal): string | null {
  return principal.kind === 'customer' ? principal.group : null
}

export const GUEST: Principal = { kind: 'guest' }

/** The `typ` of an access token (RFC 9068 §2.1). */
export const ACCESS_TOKEN_TYPE = 'at+jwt'
/** The audience every access token names. */
export const ACCESS_TOKEN_AUDIENCE = 'tradewind'
export const ACCESS_TOKEN_ALGORITHMS = ['EdDSA', 'ES256'] as const
export const ACCESS_TOKEN_SECONDS_MAX = 600
export const ACCESS_TOKEN_BYTES_MAX = 4_096
/** How far the clocks of an issuer and a verifier may differ. */
export const ACCESS_TOKEN_SKEW_SECONDS = 5

/** The issuer that signs for the residents of one cell, and for nobody else's. */
export function issuerOf(cell: string): string {
  return `tradewind:${cell}`
}

/**
 * What edge and cell both ask of an access token, as the options of jose's `jwtVerify`.
 *
 * @param cell whose key is tried: a cell's key signs for its own residents alone.
 */
export function accessTokenRules(cell: string, now: Date) {
  return {
    algorithms: [...ACCESS_TOKEN_ALGORITHMS],
    issuer: issuerOf(cell),
    audience: ACCESS_TOKEN_AUDIENCE,
    typ: ACCESS_TOKEN_TYPE,
    clockTolerance: ACCESS_TOKEN_SKEW_SECONDS,
    maxTokenAge: ACCESS_TOKEN_SECONDS_MAX,
    requiredClaims: ['sub', 'exp', 'iat'],
    currentDate: now,
  }
}

/**
 * Reads a principal from claims that were verified by `accessTokenRules`; `null` when they do not describe one of that
 * cell, or claim a longer life than is allowed: a verified token is remembered until it expires.
 */
export function principalFromClaims(
  claims: Partial<Record<'sub' | 'role' | 'scope' | 'group' | 'iat' | 'exp', unknown>>,
  cell: string,
): Principal | null {
  const { sub, role, scope, group = null, iat, exp } = claims
  if (Number(exp) - Number(iat) > ACCESS_TOKEN_SECONDS_MAX) return null
  if (typeof sub !== 'string' || sub.length === 0 || sub.length > 128) return null
  if (role === 'customer') return isGroup(group) ? { kind: 'customer', id: sub, cell, group } : null
  if (role !== 'staff' || typeof scope !== 'string') return null
  const granted = new Set(scope.split(' '))
  return { kind: 'staff', id: sub, cell, scopes: SCOPES.filter((known) => granted.has(known)) }
}

function isGroup(group: unknown): group is string | null {
  return group === null || (typeof group === 'string' && CUSTOMER_GROUP.test(group))
}
