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

/** The claims of an access token, beside `iss`, `aud`, `iat` and `exp` (RFC 9068 §2.2). */
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
