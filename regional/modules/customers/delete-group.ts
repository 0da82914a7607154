/** Deletes a customer group. */
import { sql } from 'drizzle-orm'
import type { CustomerGroupEntry } from '../../../shared/contracts/customers.ts'
import { Problem } from '../../../shared/problems.ts'
import { assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { isAnyoneInGroup } from '../identity/index.ts'
import { audited } from './audited.ts'
import { lockGroup } from './groups.ts'

const deleteOne = statement<{ handle: string }, unknown>(
  'customer_group_delete',
  sql`delete from customer_group where handle = ${value('handle')}`,
)

/**
 * Deletes a group that nobody is in. Price lists that name it stay, and are nobody's until there is such a group again.
 *
 * @returns the group as it was.
 * @throws {Problem} `group.unknown` or `group.in_use`.
 */
export async function deleteGroup(
  tx: Tx,
  actor: Actor,
  { handle }: { handle: string },
): Promise<CustomerGroupEntry> {
  assertScope(actor, 'customers:write')
  const group = await lockGroup(tx, handle)
  if (group === null) throw new Problem('group.unknown')
  if (await isAnyoneInGroup(tx, handle)) throw new Problem('group.in_use')
  await tx.run(deleteOne, { handle })
  audited(tx, actor, { action: 'customer_group.deleted', subject: handle })
  return group
}
