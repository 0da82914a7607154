/** Gives a customer the orders that they placed as a guest. */
import { sql } from 'drizzle-orm'
import type { Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'

export const claim = statement<{ customerId: string; email: string }, unknown>(
  'order_claim',
  sql`update "order" set customer_id = ${value('customerId')}
    where customer_id is null and lower(email) = lower(${value('email')})`,
)

/**
 * Makes the orders of guests with this address the customer's. From then on the secrets of their carts no longer show them. A
 * repeat changes nothing.
 *
 * @param claimed.email an address that the customer has proved to be theirs, in whatever case.
 */
export async function claimOrders(
  tx: Tx,
  claimed: { customerId: string; email: string },
): Promise<void> {
  await tx.run(claim, claimed)
}
