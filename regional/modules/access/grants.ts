/** What somebody's grants come to: pure, over the rows that were read. */
import { type Channels, type Grants, SCOPES, type Scope } from '../../../shared/principal.ts'
import { OWNER } from './built-in-roles.ts'

/** A role, in one cell or all, in one channel or all. */
export interface Grant {
  readonly role: string
  readonly cell: string | null
  readonly channel: string | null
}

/** A grant with what its role holds now. */
export interface HeldGrant extends Grant {
  readonly scopes: readonly Scope[]
}

/** Of a role as it is stored; what this release does not know is left out. */
export function knownScopes(stored: readonly string[]): Scope[] {
  return stored.includes('*') ? [...SCOPES] : SCOPES.filter((scope) => stored.includes(scope))
}

/** The union of grants that are valid in one cell: 'all' channels win. */
export function mergedGrants(held: readonly HeldGrant[], cell: string): Grants {
  const valid = held.filter((grant) => grant.cell === null || grant.cell === cell)
  const merged = new Map<Scope, Channels>()
  for (const scope of SCOPES) {
    const channels = valid
      .filter(({ scopes }) => scopes.includes(scope))
      .map(({ channel }) => channel)
    if (channels.length > 0) merged.set(scope, union(channels))
  }
  return merged
}

function union(channels: readonly (string | null)[]): Channels {
  const named = channels.filter((channel) => channel !== null)
  return named.length < channels.length ? 'all' : [...new Set(named)].sort()
}

/** Whether somebody holds all that a grant would give, wherever it would give it. */
export function covers(held: readonly HeldGrant[], wanted: HeldGrant): boolean {
  return wanted.scopes.every((scope) =>
    held.some(
      (own) =>
        own.scopes.includes(scope) &&
        (own.cell === null || own.cell === wanted.cell) &&
        (own.channel === null || own.channel === wanted.channel),
    ),
  )
}

export function isOwnerIn(cell: string, grants: readonly Grant[]): boolean {
  return grants.some((grant) => grant.role === OWNER && (grant.cell ?? cell) === cell)
}

/** Two grants with the same key are the same. */
export function grantKey({ role, cell, channel }: Grant): string {
  return [role, cell ?? '*', channel ?? '*'].join(' ')
}

/** Each once, in one order. */
export function distinctGrants(grants: readonly Grant[]): Grant[] {
  const byKey = new Map(grants.map((grant) => [grantKey(grant), grant]))
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, grant]) => grant)
}
