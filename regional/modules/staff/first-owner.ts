/** Makes an owner by the word of whoever has the database: the first one, or another when all are lost. */
import { Problem } from '../../../shared/problems.ts'
import type { Tx } from '../../platform/database.ts'
import { changeGrants, type Grant, grantKey, lockGrants, OWNER } from '../access/index.ts'
import { createStaffAccount, isStaffAddress } from '../identity/index.ts'
import { OPERATOR } from './accept-invitation.ts'
import { hasActiveOwner } from './authority.ts'
import { removeEarlier, writeInvitation } from './invitations.ts'

const OWNER_GRANT: Grant = { role: OWNER, cell: null, channel: null }

export interface NewOwner {
  cell: string
  email: string
  name: string | null
  /** True where there may be an owner already. */
  another: boolean
  requestId: string
}

/**
 * Invites an owner, without a mail.
 *
 * @returns the token that accepts the invitation, as a link holds it.
 * @throws {Problem} `account.state_conflict`, with words for the operator.
 */
export async function inviteOwner(
  tx: Tx,
  input: NewOwner,
): Promise<{ token: string; expiresAt: string }> {
  const { cell, email, name, requestId } = input
  await assertMayBeMade(tx, input)
  await removeEarlier(tx, email)
  const { invitation, token } = await writeInvitation(tx, cell, {
    email,
    name,
    grants: [OWNER_GRANT],
    invitedBy: OPERATOR,
  })
  tx.audit({
    actor: OPERATOR,
    action: 'invitation.created',
    subject: invitation.id,
    requestId,
    detail: { grants: [grantKey(OWNER_GRANT)] },
  })
  return { token, expiresAt: invitation.expiresAt }
}

/**
 * Opens an owner's account.
 *
 * @param input.passwordHash from the hasher, made before the transaction.
 * @throws {Problem} `account.state_conflict`, with words for the operator.
 */
export async function createOwner(
  tx: Tx,
  input: NewOwner & { passwordHash: string },
): Promise<{ accountId: string }> {
  const { cell, email, name, passwordHash, requestId } = input
  await assertMayBeMade(tx, input)
  await removeEarlier(tx, email)
  const accountId = await createStaffAccount(tx, { cell, email, name, passwordHash })
  if (accountId === null) throw isStaff()
  await changeGrants(tx, { accountId, removed: [], added: [OWNER_GRANT], grantedBy: OPERATOR })
  tx.audit({
    actor: OPERATOR,
    action: 'staff.granted',
    subject: accountId,
    requestId,
    detail: { before: [], after: [grantKey(OWNER_GRANT)] },
  })
  return { accountId }
}

async function assertMayBeMade(tx: Tx, { cell, email, another }: NewOwner): Promise<void> {
  await lockGrants(tx)
  if (!another && (await hasActiveOwner(tx, cell))) {
    throw new Problem('account.state_conflict', { detail: 'The cell has an active owner' })
  }
  if (await isStaffAddress(tx, email)) throw isStaff()
}

function isStaff(): Problem {
  return new Problem('account.state_conflict', {
    detail: 'The address is one of the staff already',
  })
}
