/**
 * Clauses that move a cart's status inside another module's statement, so that an order and its cart change in one
 * round trip. They take the parameter `cartId`. A line is added only to an open cart.
 */
import { type SQL, sql } from 'drizzle-orm'
import { value } from '../../platform/statement.ts'

/** The cart's order is being paid. The caller has locked the cart and found it open. */
export const closeCart = sql`update cart
  set status = 'placing', version = version + 1, updated_at = now()
  where id = ${value('cartId')} and status = 'open'`

/** The order was paid. One that was not goes by `reopenCart`. */
export function endPlacing(when: SQL): SQL {
  return sql`update cart
    set status = 'ordered', version = version + 1, updated_at = now()
    where id = ${value('cartId')} and status = 'placing' and ${when}`
}
