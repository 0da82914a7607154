/** Makes a member of the staff of whoever has an invitation's link. */
import type { Invitation } from '../../../shared/contracts/staff.ts'
import { Problem } from '../../../shared/problems.ts'
import type { Tx } from '../../platform/database.ts'
import { changeGrants, covers, grantKey, lockGrants, OWNER } from '../access/index.ts'
import { createStaffAccount } from '../identity/index.ts'
import { authorityOf, withScopes } from './authority.ts'
import { takeInvitation } from './invitations.ts'

/** Who invites by having the database: nobody's standing is asked. */
export const OPERATOR = 'operator'

export interface AcceptInvitation {
  cell: string
  token: string
  name: string | undefined
  /** From the hasher, made before the transaction. */
  passwordHash: string
  requestId: string
}

/**
 * Opens an account with the roles of an invitation, once. Whoever invited must still hold what it gives: else somebody who
 * was removed could come back by an invitation they had left behind.
 *
 * @throws {Problem} `link.refused`, whatever the reason.
 */
export async function acceptInvitation(tx: Tx, input: AcceptInvitation): Promise<void> {
  const { cell, token, passwordHash, requestId } = input
  await lockGrants(tx)
  const invitation = await takeInvitation(tx, token)
  const { email, grants, invitedBy } = invitation
  if (!(await isVouchedFor(tx, cell, invitation))) throw new Problem('link.refused')
  const name = input.name ?? invitation.name
  const accountId = await createStaffAccount(tx, { cell, email, name, passwordHash })
  if (accountId === null) throw new Problem('link.refused')
  await changeGrants(tx, { accountId, removed: [], added: grants, grantedBy: invitedBy })
  tx.audit({
    actor: accountId,
    action: 'invitation.accepted',
    subject: invitation.id,
    requestId,
    detail: { invitedBy, grants: grants.map(grantKey) },
  })
}

async function isVouchedFor(tx: Tx, cell: string, invitation: Invitation): Promise<boolean> {
  const { invitedBy, grants } = invitation
  if (invitedBy === OPERATOR) return true
  const authority = await authorityOf(tx, { accountId: invitedBy, cell })
  if (authority === null) return false
  const given = await withScopes(tx, grants)
  const makesOwner = given.some(({ role }) => role === OWNER)
  const isHeld = given.every((grant) => covers(authority.held, grant))
  return isHeld && (authority.isOwner || !makesOwner)
}
