/** Takes a member's access away. */
import type { StaffMember } from '../../../shared/contracts/staff.ts'
import { actorName } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { endSessionsOf } from '../../platform/sessions.ts'
import { isOwnerIn } from '../access/index.ts'
import { setStaffStatus } from '../identity/index.ts'
import { assertHolds, assertMayTouch, assertOwnerRemains, lockAuthority } from './authority.ts'
import { knownMember, memberDocument } from './members.ts'

/**
 * Ends a member's sessions and tokens, and lets them begin no other. Their roles stay, for when they are activated again. A
 * repeat changes nothing.
 *
 * @throws {Problem} `account.unknown`, `staff.last_owner`; `access.denied` when the member holds what the actor does
 *   not.
 */
export async function deactivateMember(
  tx: Tx,
  actor: Actor,
  { accountId }: { accountId: string },
): Promise<StaffMember> {
  const authority = await lockAuthority(tx, actor)
  const current = await knownMember(tx, accountId)
  assertMayTouch(authority, current.held)
  if (current.account.status === 'deactivated') return memberDocument(current)
  assertHolds(authority, current.held)
  await setStaffStatus(tx, accountId, 'deactivated')
  if (isOwnerIn(authority.cell, current.held)) await assertOwnerRemains(tx, authority.cell)
  await endSessionsOf(tx, accountId)
  tx.audit({
    actor: actorName(actor),
    action: 'staff.deactivated',
    subject: accountId,
    requestId: actor.requestId,
  })
  const account = { ...current.account, status: 'deactivated' as const }
  return memberDocument({ ...current, account })
}
