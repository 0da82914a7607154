/** The staff's contracts, each bound to its read or verb. */
import { contracts } from '../../../shared/contracts/index.ts'
import { implement } from '../../platform/implement.ts'
import { assertPassword } from '../../platform/password-format.ts'
import { acceptInvitation } from './accept-invitation.ts'
import { activateMember } from './activate-member.ts'
import { createInvitation } from './create-invitation.ts'
import { deactivateMember } from './deactivate-member.ts'
import { deleteInvitation } from './delete-invitation.ts'
import { deleteRole } from './delete-role.ts'
import { assertInvited, invitationPage } from './invitations.ts'
import { member, memberPage } from './members.ts'
import { putRole } from './put-role.ts'
import { roleList } from './roles.ts'
import { setGrants } from './set-grants.ts'

export const routes = implement(contracts.staff, ({ config, passwords }) => ({
  listRoles: ({ actor, db }) => roleList(db, actor),

  putRole: ({ actor, params, body, db }) =>
    db.inTransaction((tx) => putRole(tx, actor, { ...params, ...body })),

  deleteRole: ({ actor, params, db }) => db.inTransaction((tx) => deleteRole(tx, actor, params)),

  listMembers: ({ actor, query, db }) => memberPage(db, actor, query),

  getMember: ({ actor, params, db }) => member(db, actor, params.accountId),

  setGrants: ({ actor, params, body, db }) =>
    db.inTransaction((tx) => setGrants(tx, actor, { ...params, ...body })),

  deactivateMember: ({ actor, params, db }) =>
    db.inTransaction((tx) => deactivateMember(tx, actor, params)),

  activateMember: ({ actor, params, db }) =>
    db.inTransaction((tx) => activateMember(tx, actor, params)),

  createInvitation: ({ actor, body, once }) => once((tx) => createInvitation(tx, actor, body)),

  listInvitations: ({ actor, query, db }) => invitationPage(db, actor, query),

  deleteInvitation: ({ actor, params, db }) =>
    db.inTransaction((tx) => deleteInvitation(tx, actor, params)),

  acceptInvitation: async ({ actor, body, db }) => {
    const { token, name, password } = body
    assertPassword(password, '/password')
    await assertInvited(db, token)
    const passwordHash = await passwords.hash(password)
    const { requestId } = actor
    const input = { cell: config.CELL, token, name, passwordHash, requestId }
    await db.inTransaction((tx) => acceptInvitation(tx, input))
    return { status: 'done' as const }
  },
}))
