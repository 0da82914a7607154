/** Gives a member access again. */
import type { StaffMember } from '../../../shared/contracts/staff.ts'
import { actorName } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { grantKey } from '../access/index.ts'
import { setStaffStatus } from '../identity/index.ts'
import { assertHolds, lockAuthority } from './authority.ts'
import { knownMember, memberDocument } from './members.ts'

/**
 * Lets a member sign in again, with the roles they had: it gives as much as granting them would. A repeat changes nothing.
 *
 * @throws {Problem} `account.unknown`; `access.denied` when the actor does not hold what the member would again.
 */
export async function activateMember(
  tx: Tx,
  actor: Actor,
  { accountId }: { accountId: string },
): Promise<StaffMember> {
  const authority = await lockAuthority(tx, actor)
  const current = await knownMember(tx, accountId)
  assertHolds(authority, current.held)
  if (current.account.status === 'active') return memberDocument(current)
  await setStaffStatus(tx, accountId, 'active')
  tx.audit({
    actor: actorName(actor),
    action: 'staff.activated',
    subject: accountId,
    requestId: actor.requestId,
    detail: { grants: current.held.map(grantKey) },
  })
  const account = { ...current.account, status: 'active' as const }
  return memberDocument({ ...current, account })
}
