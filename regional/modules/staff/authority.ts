/**
 * What somebody may do to the staff. Nobody gives or takes what they do not hold themselves, and only owners touch owners.
 *
 * A token says what was true when it was made, which is enough for what it does to others. But who may say who may do what is
 * read from the database, behind a lock: else somebody who is being removed could give themselves back what is taken.
 */
import { Problem } from '../../../shared/problems.ts'
import { asStaff, assertScope } from '../../platform/access.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import {
  covers,
  type Grant,
  type HeldGrant,
  heldGrants,
  isOwnerIn,
  lockGrants,
  OWNER,
  ownersOf,
  roles,
} from '../access/index.ts'
import { activeStaffOf } from '../identity/index.ts'

export interface Authority {
  readonly cell: string
  readonly isOwner: boolean
  readonly held: readonly HeldGrant[]
}

/**
 * The authority of an actor who is about to change the staff, which holds until the transaction ends. It takes the lock that
 * all such changes take first.
 *
 * @throws {Problem} `access.denied` unless the actor may, by their token and by the database.
 */
export async function lockAuthority(tx: Tx, actor: Actor): Promise<Authority> {
  assertScope(actor, 'staff:write')
  const { id, cell } = asStaff(actor)
  await lockGrants(tx)
  const authority = await authorityOf(tx, { accountId: id, cell })
  if (authority === null) throw new Problem('access.denied')
  return authority
}

/** `null` for whoever is not active or may not change the staff of the cell. Behind `lockGrants`. */
export async function authorityOf(
  tx: Tx,
  { accountId, cell }: { accountId: string; cell: string },
): Promise<Authority | null> {
  const active = await activeStaffOf(tx, [accountId])
  const held = (await heldGrants(tx, [accountId])).get(accountId) ?? []
  const needed = { role: '', cell, channel: null, scopes: ['staff:write'] } as const
  if (active.length === 0 || !covers(held, needed)) return null
  return { cell, isOwner: isOwnerIn(cell, held), held }
}

/** @throws {Problem} `access.denied` unless the actor holds all that the grants give, and is an owner if they make one. */
export function assertHolds(authority: Authority, grants: readonly HeldGrant[]): void {
  const isHeld = grants.every((grant) => covers(authority.held, grant))
  const makesOwner = grants.some(({ role }) => role === OWNER)
  if (!isHeld || (makesOwner && !authority.isOwner)) throw new Problem('access.denied')
}

/** @throws {Problem} `access.denied` when somebody who is an owner is touched by somebody who is not. */
export function assertMayTouch(authority: Authority, grants: readonly Grant[]): void {
  const isOwner = grants.some(({ role }) => role === OWNER)
  if (isOwner && !authority.isOwner) throw new Problem('access.denied')
}

/** Grants with what their roles hold now. One of a role that there is not gives nothing. */
export async function withScopes(runner: Runner, grants: readonly Grant[]): Promise<HeldGrant[]> {
  const known = await roles(runner, [...new Set(grants.map(({ role }) => role))])
  const scopesOf = new Map(known.map(({ name, scopes }) => [name, scopes]))
  return grants.map((grant) => ({ ...grant, scopes: scopesOf.get(grant.role) ?? [] }))
}

/** @throws {Problem} `staff.last_owner` when a cell is left without an owner who is active. Behind `lockGrants`. */
export async function assertOwnerRemains(tx: Tx, cell: string): Promise<void> {
  if (!(await hasActiveOwner(tx, cell))) throw new Problem('staff.last_owner')
}

export async function hasActiveOwner(runner: Runner, cell: string): Promise<boolean> {
  return (await activeStaffOf(runner, await ownersOf(runner, cell))).length > 0
}
