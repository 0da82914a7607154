/** Deletes one of a customer's addresses. */
import { sql } from 'drizzle-orm'
import { Problem } from '../../../shared/problems.ts'
import { asCustomer } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'

const deleteOne = statement<{ customerId: string; id: string }, { id: string }>(
  'address_delete',
  sql`delete from address where id = ${value('id')} and customer_id = ${value('customerId')}
    returning id`,
)

/** @throws {Problem} `address.unknown`, the same whether there is none or it is another customer's. */
export async function deleteAddress(
  tx: Tx,
  actor: Actor,
  { addressId: id }: { addressId: string },
): Promise<void> {
  const deleted = await tx.run(deleteOne, { customerId: asCustomer(actor).id, id })
  if (deleted.length === 0) throw new Problem('address.unknown')
}
