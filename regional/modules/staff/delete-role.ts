/** Deletes a role. */
import type { Role } from '../../../shared/contracts/staff.ts'
import { Problem } from '../../../shared/problems.ts'
import { actorName } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { holdersOf, removeRole } from '../access/index.ts'
import { lockAuthority } from './authority.ts'
import { isRoleInvited } from './invitations.ts'
import { changeableRole, roleDocument } from './roles.ts'

/**
 * Deletes a role that nobody has and nobody is invited to.
 *
 * @returns the role as it was.
 * @throws {Problem} `role.unknown`, `role.in_use`.
 */
export async function deleteRole(tx: Tx, actor: Actor, input: { role: string }): Promise<Role> {
  const { role: name } = input
  await lockAuthority(tx, actor)
  const role = await changeableRole(tx, name)
  if (role === null) throw new Problem('role.unknown')
  const isUsed = (await holdersOf(tx, name)).length > 0 || (await isRoleInvited(tx, name))
  if (isUsed) throw new Problem('role.in_use')
  await removeRole(tx, name)
  tx.audit({
    actor: actorName(actor),
    action: 'role.deleted',
    subject: name,
    requestId: actor.requestId,
    detail: { before: [...role.scopes], after: null },
  })
  return roleDocument(role)
}
