/** Who is asking, as a verified token (or its absence) says. */

export const SCOPES = [
  'catalogue:read',
  'catalogue:write',
  'inventory:read',
  'inventory:write',
  'carts:read',
  'orders:read',
  'customers:read',
  'customers:write',
  'customers:erase',
  'staff:read',
  'staff:write',
  'audit:read',
] as const

export type Scope = (typeof SCOPES)[number]

/** The sales channels a scope is held in. */
export type Channels = 'all' | readonly string[]
/** What staff may do, and in which channels. */
export type Grants = ReadonlyMap<Scope, Channels>
export const EVERY_GRANT: Grants = new Map(SCOPES.map((scope) => [scope, 'all']))

/** What every signed-in caller is known by. Both ids name the cell they live in. */
interface Account {
  readonly id: string
  readonly cell: string
  /** The session that the token belongs to; what ends it ends the token. */
  readonly session: string
}

export interface Customer extends Account {
  readonly kind: 'customer'
  /** The customer group whose prices are theirs; `null` for everybody's. */
  readonly group: string | null
}

export interface Staff extends Account {
  readonly kind: 'staff'
  readonly grants: Grants
}

export type Principal = { readonly kind: 'guest' } | Customer | Staff

/** The handle of a sales channel. */
export const CHANNEL = /^[a-z][a-z0-9-]{0,31}$/
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
    requiredClaims: ['sub', 'sid', 'position', 'exp', 'iat'],
    currentDate: now,
  }
}

/** The claims of an access token, beside those that `accessTokenRules` asks for (RFC 9068 §2.2). */
export interface AccessClaims {
  readonly sub: string
  /** The session's id (OpenID Connect Front-Channel Logout §3). */
  readonly sid: string
  /** The clock of the issuer's `cell` feed, as the statement saw it that read the rest: `cell=812;h=7f3a`. */
  readonly position: string
  readonly role: 'customer' | 'staff'
  readonly group?: string
  /** Of staff: see `formatGrants`. */
  readonly scope?: string
}

/** A token as the feed judges it: like an entry, it may be honoured only if no change to its tags is newer. */
export interface Standing {
  readonly tags: readonly string[]
  readonly stamp: number
  readonly history: string
}

/** The tags that end tokens: of one session, of all of an account's, and of all that a key has signed. */
export const sessionTag = (session: string) => `session:${session}`
export const accountTag = (account: string) => `account:${account}`
export const keyTag = (kid: string) => `key:${kid}`

/**
 * Reads a principal from claims that were verified by `accessTokenRules`; `null` when they do not describe one of that
 * cell, or claim a longer life than is allowed: a verified token is remembered until it expires.
 */
export function principalFromClaims(
  claims: Readonly<Record<string, unknown>>,
  cell: string,
): Customer | Staff | null {
  const { aud, sub, sid, role, scope, group = null, iat, nbf = 0, exp } = claims
  // jose also takes lists and fractions; an issuer of ours writes neither.
  if (aud !== ACCESS_TOKEN_AUDIENCE || !isTime(iat) || !isTime(nbf) || !isTime(exp)) return null
  if (exp <= iat || exp - iat > ACCESS_TOKEN_SECONDS_MAX) return null
  if (!isId(sub) || !isId(sid)) return null
  const account = { id: sub, cell, session: sid }
  if (role === 'customer') {
    return isGroup(group) ? { kind: 'customer', ...account, group } : null
  }
  if (role !== 'staff' || typeof scope !== 'string') return null
  return { kind: 'staff', ...account, grants: parseGrants(scope) }
}

/** As the `scope` of a token: `catalogue:write orders:read@web,pos`; a scope without channels is held in all. */
export function formatGrants(grants: Grants): string {
  return [...grants]
    .map(([scope, channels]) => (channels === 'all' ? scope : `${scope}@${channels.join(',')}`))
    .join(' ')
}

/** Scopes that are not known here, of a newer cell, are left out. */
export function parseGrants(text: string): Grants {
  const grants = new Map<Scope, Channels>()
  for (const [, scope, channels] of text.matchAll(/([^\s@]+)(?:@(\S*))?/g)) {
    if (!isScope(scope)) continue
    grants.set(scope, channels === undefined ? 'all' : channels.split(','))
  }
  return grants
}

export function isScope(text: unknown): text is Scope {
  return (SCOPES as readonly unknown[]).includes(text)
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
