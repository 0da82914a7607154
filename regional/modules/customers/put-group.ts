/** Creates or renames a customer group. */
import { sql } from 'drizzle-orm'
import type { CustomerGroupEntry } from '../../../shared/contracts/customers.ts'
import { assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { audited } from './audited.ts'
import { lockGroup } from './groups.ts'

type Values = CustomerGroupEntry & Record<string, unknown>

const upsert = statement<Values, unknown>(
  'customer_group_put',
  sql`insert into customer_group (handle, name) values (${value('handle')}, ${value('name')})
    on conflict (handle) do update set name = excluded.name`,
)

/** A repeat changes nothing and leaves no row in the audit log. */
export async function putGroup(
  tx: Tx,
  actor: Actor,
  { handle, name }: CustomerGroupEntry,
): Promise<CustomerGroupEntry> {
  assertScope(actor, 'customers:write')
  const before = await lockGroup(tx, handle)
  if (before?.name === name) return before
  await tx.run(upsert, { handle, name })
  const action = before === null ? 'customer_group.created' : 'customer_group.renamed'
  audited(tx, actor, { action, subject: handle, detail: { before: before?.name ?? null, name } })
  return { handle, name }
}
