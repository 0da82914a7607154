/** One customer's carts, held by one transaction at a time where a cart is about to become their open one. */
import { sql } from 'drizzle-orm'
import type { Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'

const lockCustomer = statement<{ customerId: string }, unknown>(
  'cart_customer_lock',
  sql`select pg_advisory_xact_lock(hashtextextended('carts ' || ${value('customerId')}::text, 0))`,
)

/**
 * Waits until nobody else opens, merges or reopens a cart of this customer's. It comes before the lock of any cart; what is
 * read in the statements that follow is what the others have left.
 */
export async function holdCartsOf(tx: Tx, customerId: string): Promise<void> {
  await tx.run(lockCustomer, { customerId })
}
