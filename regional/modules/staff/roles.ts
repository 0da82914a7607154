/** Roles, as staff see and change them. */
import type { Role } from '../../../shared/contracts/staff.ts'
import { SCOPES, type Scope } from '../../../shared/principal.ts'
import { Problem } from '../../../shared/problems.ts'
import { assertScope } from '../../platform/access.ts'
import type { Runner } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { roles, type StoredRole } from '../access/index.ts'

export async function roleList(runner: Runner, actor: Actor): Promise<{ items: Role[] }> {
  assertScope(actor, 'staff:read')
  return { items: (await roles(runner)).map(roleDocument) }
}

/** @throws {Problem} `role.in_use` when it is built in. */
export async function changeableRole(runner: Runner, name: string): Promise<StoredRole | null> {
  const [role = null] = await roles(runner, [name])
  if (role?.builtIn === true) throw new Problem('role.in_use', { detail: 'The role is built in' })
  return role
}

export function roleDocument({ name, title, scopes, builtIn }: StoredRole): Role {
  return { name, title, scopes: [...scopes], builtIn }
}

/** Each once, in the order in which they are known. */
export function distinctScopes(scopes: readonly Scope[]): Scope[] {
  return SCOPES.filter((scope) => scopes.includes(scope))
}
