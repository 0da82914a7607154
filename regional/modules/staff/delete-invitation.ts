/** Withdraws an invitation. */
import type { Invitation } from '../../../shared/contracts/staff.ts'
import { Problem } from '../../../shared/problems.ts'
import { actorName } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { grantKey } from '../access/index.ts'
import { assertMayTouch, lockAuthority } from './authority.ts'
import { removeInvitation } from './invitations.ts'

/**
 * Withdraws an invitation: its link opens nothing from then on.
 *
 * @returns the invitation as it was.
 * @throws {Problem} `invitation.unknown`; `access.denied` when it makes an owner and the actor is none.
 */
export async function deleteInvitation(
  tx: Tx,
  actor: Actor,
  { invitationId }: { invitationId: string },
): Promise<Invitation> {
  const authority = await lockAuthority(tx, actor)
  const invitation = await removeInvitation(tx, invitationId)
  if (invitation === null) throw new Problem('invitation.unknown')
  assertMayTouch(authority, invitation.grants)
  tx.audit({
    actor: actorName(actor),
    action: 'invitation.deleted',
    subject: invitationId,
    requestId: actor.requestId,
    detail: { grants: invitation.grants.map(grantKey) },
  })
  return invitation
}
