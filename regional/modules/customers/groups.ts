/** The customer groups. */
import { sql } from 'drizzle-orm'
import type { CustomerGroupEntry } from '../../../shared/contracts/customers.ts'
import { assertScope } from '../../platform/access.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { pageOf } from '../../platform/page.ts'
import { statement, value } from '../../platform/statement.ts'

const selectPage = statement<{ after: string; limit: number }, CustomerGroupEntry>(
  'customer_group_page',
  sql`select handle, name from customer_group where handle > ${value('after')}
    order by handle limit ${value('limit')}::int + 1`,
)

/** A page of the groups, by handle. */
export async function groupPage(
  runner: Runner,
  actor: Actor,
  { limit, after = '' }: { limit: number; after?: string | undefined },
): Promise<{ items: CustomerGroupEntry[]; next: string | null }> {
  assertScope(actor, 'customers:read')
  const rows = await runner.run(selectPage, { after, limit })
  return pageOf(rows, limit, ({ handle }) => handle)
}

const holdOne = statement<{ handle: string }, CustomerGroupEntry>(
  'customer_group_hold',
  sql`select handle, name from customer_group where handle = ${value('handle')} for key share`,
)

const lockOne = statement<{ handle: string }, CustomerGroupEntry>(
  'customer_group_lock',
  sql`select handle, name from customer_group where handle = ${value('handle')} for update`,
)

/** The group, which is there until this transaction has ended; `null` when it is not. It comes before a customer's lock. */
export async function holdGroup(tx: Tx, handle: string): Promise<CustomerGroupEntry | null> {
  const [group] = await tx.run(holdOne, { handle })
  return group ?? null
}

/** Likewise, and nobody is put into it meanwhile. */
export async function lockGroup(tx: Tx, handle: string): Promise<CustomerGroupEntry | null> {
  const [group] = await tx.run(lockOne, { handle })
  return group ?? null
}
