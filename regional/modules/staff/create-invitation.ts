/** Invites somebody to the staff. */
import {
  INVITATION_HOURS,
  type Invitation,
  type StaffGrant,
} from '../../../shared/contracts/staff.ts'
import { Problem } from '../../../shared/problems.ts'
import { actorName } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { grantKey } from '../access/index.ts'
import { isStaffAddress } from '../identity/index.ts'
import { emailRequested } from '../notifications/index.ts'
import { assertHolds, lockAuthority, withScopes } from './authority.ts'
import { removeEarlier, writeInvitation } from './invitations.ts'
import { knownGrants } from './new-grants.ts'

/**
 * Invites an address to the staff, with roles that the actor holds. The link is in the mail and nowhere else. An earlier
 * invitation of the address ends.
 *
 * @throws {Problem} `role.unknown`; `account.state_conflict` when the address is staff's already; `access.denied` when
 *   the actor does not hold what the invitation gives, or what the earlier one gave.
 */
export async function createInvitation(
  tx: Tx,
  actor: Actor,
  input: { email: string; name: string | null; locale: string; grants: readonly StaffGrant[] },
): Promise<Invitation> {
  const { email, name, locale } = input
  const authority = await lockAuthority(tx, actor)
  const wanted = await knownGrants(tx, input.grants)
  assertHolds(authority, wanted)
  if (await isStaffAddress(tx, email)) throw new Problem('account.state_conflict')
  const earlier = await removeEarlier(tx, email)
  if (earlier !== null) assertHolds(authority, await withScopes(tx, earlier.grants))
  const grants = wanted.map(({ role, cell, channel }) => ({ role, cell, channel }))
  const invitedBy = actorName(actor)
  const { invitation, token } = await writeInvitation(tx, authority.cell, {
    email,
    name,
    grants,
    invitedBy,
  })
  const data = { name, token, minutes: INVITATION_HOURS * 60 }
  tx.publish(emailRequested({ to: email, template: 'staff-invitation', locale, data }))
  tx.audit({
    actor: invitedBy,
    action: 'invitation.created',
    subject: invitation.id,
    requestId: actor.requestId,
    detail: { grants: grants.map(grantKey), replaces: earlier?.id ?? null },
  })
  return invitation
}
