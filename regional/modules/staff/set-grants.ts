/** Sets the roles of a member. */
import type { StaffGrant, StaffMember } from '../../../shared/contracts/staff.ts'
import { accountTag } from '../../../shared/principal.ts'
import { actorName } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { changeGrants, type Grant, grantKey, type HeldGrant, OWNER } from '../access/index.ts'
import { assertHolds, assertMayTouch, assertOwnerRemains, lockAuthority } from './authority.ts'
import { knownMember, memberDocument } from './members.ts'
import { knownGrants } from './new-grants.ts'

/**
 * Replaces a member's roles. Their access tokens end, and the next have the new scopes; their sessions go on. A repeat
 * changes nothing.
 *
 * @throws {Problem} `account.unknown`, `role.unknown`, `staff.last_owner`; `access.denied` when the actor does not hold
 *   what would be given or taken, or the member is an owner and the actor is not.
 */
export async function setGrants(
  tx: Tx,
  actor: Actor,
  input: { accountId: string; grants: readonly StaffGrant[] },
): Promise<StaffMember> {
  const { accountId } = input
  const authority = await lockAuthority(tx, actor)
  const current = await knownMember(tx, accountId)
  const wanted = await knownGrants(tx, input.grants)
  assertMayTouch(authority, current.held)
  const { removed, added } = difference(current.held, wanted)
  if (removed.length + added.length === 0) return memberDocument(current)
  assertHolds(authority, [...removed, ...added])
  await changeGrants(tx, { accountId, removed, added, grantedBy: actorName(actor) })
  if (removed.some(({ role }) => role === OWNER)) await assertOwnerRemains(tx, authority.cell)
  tx.endTokens(accountTag(accountId))
  tx.audit({
    actor: actorName(actor),
    action: 'staff.granted',
    subject: accountId,
    requestId: actor.requestId,
    detail: { before: current.held.map(grantKey), after: wanted.map(grantKey) },
  })
  return memberDocument({ ...current, held: wanted })
}

function difference(before: readonly HeldGrant[], after: readonly HeldGrant[]) {
  const without = (grants: readonly HeldGrant[], others: readonly Grant[]) => {
    const keys = new Set(others.map(grantKey))
    return grants.filter((grant) => !keys.has(grantKey(grant)))
  }
  return { removed: without(before, after), added: without(after, before) }
}
