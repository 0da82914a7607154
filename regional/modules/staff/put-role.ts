/** Makes a role, or changes one. */
import { isDeepStrictEqual } from 'node:util'
import type { Role } from '../../../shared/contracts/staff.ts'
import { accountTag, type Scope } from '../../../shared/principal.ts'
import { actorName } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { holdersOf, saveRole } from '../access/index.ts'
import { assertHolds, lockAuthority } from './authority.ts'
import { changeableRole, distinctScopes, roleDocument } from './roles.ts'

/**
 * Makes a role with its scopes, or gives one another title and other scopes: then the tokens of everybody who has it end, and
 * their next ones have the new scopes. A repeat changes nothing.
 *
 * @throws {Problem} `role.in_use` for one that is built in; `access.denied` when the actor does not hold, everywhere, each
 *   scope that comes or goes.
 */
export async function putRole(
  tx: Tx,
  actor: Actor,
  input: { role: string; title: string; scopes: readonly Scope[] },
): Promise<Role> {
  const { role: name, title } = input
  const authority = await lockAuthority(tx, actor)
  const current = await changeableRole(tx, name)
  const role = { name, title, scopes: distinctScopes(input.scopes), builtIn: false }
  if (isDeepStrictEqual(role, current)) return roleDocument(role)
  const before = current?.scopes ?? []
  const changed = differingScopes(before, role.scopes)
  assertHolds(authority, [{ role: name, cell: authority.cell, channel: null, scopes: changed }])
  await saveRole(tx, role)
  if (changed.length > 0) {
    const holders = await holdersOf(tx, name)
    tx.endTokens(...holders.map(accountTag))
  }
  tx.audit({
    actor: actorName(actor),
    action: current === null ? 'role.created' : 'role.changed',
    subject: name,
    requestId: actor.requestId,
    detail: { before: current === null ? null : [...before], after: role.scopes },
  })
  return roleDocument(role)
}

function differingScopes(before: readonly Scope[], after: readonly Scope[]): Scope[] {
  const either = distinctScopes([...before, ...after])
  return either.filter((scope) => before.includes(scope) !== after.includes(scope))
}
