/** Grants as a request names them. */
import type { StaffGrant } from '../../../shared/contracts/staff.ts'
import { invalidField } from '../../../shared/problems.ts'
import type { Runner } from '../../platform/database.ts'
import { distinctGrants, type HeldGrant, roles } from '../access/index.ts'
import { withScopes } from './authority.ts'

/**
 * Grants with what they give, each once.
 *
 * @throws {Problem} `role.unknown`, which names the one that is not there.
 */
export async function knownGrants(
  runner: Runner,
  grants: readonly StaffGrant[],
): Promise<HeldGrant[]> {
  const known = new Set((await roles(runner)).map(({ name }) => name))
  for (const [index, { role }] of grants.entries()) {
    if (known.has(role)) continue
    throw invalidField('body', `/grants/${index}/role`, 'is not a role', 'role.unknown')
  }
  return await withScopes(runner, distinctGrants(grants))
}
