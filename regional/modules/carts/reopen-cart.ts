/** Opens a cart again whose order was not paid. */
import { sql } from 'drizzle-orm'
import type { Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import { holdCartsOf } from './customer-lock.ts'
import { lockBoth } from './merge-cart.ts'
import { moveLines } from './move-lines.ts'

const selectCustomer = statement<{ cartId: string }, { customerId: string | null }>(
  'cart_customer',
  sql`select customer_id as "customerId" from cart where id = ${value('cartId')}`,
)

const reopen = statement<{ cartId: string }, unknown>(
  'cart_reopen',
  sql`update cart set status = 'open', version = version + 1, updated_at = now()
    where id = ${value('cartId')} and status = 'placing'`,
)

/**
 * Opens the cart again, for whoever holds it. A customer may have opened another one meanwhile, and has one at most: then the
 * lines go into that one. Whose a cart is does not change while it is being paid for.
 */
export async function reopenCart(tx: Tx, cartId: string): Promise<void> {
  const [cart] = await tx.run(selectCustomer, { cartId })
  const customerId = cart?.customerId ?? null
  if (customerId !== null) {
    await holdCartsOf(tx, customerId)
    const locked = await tx.run(lockBoth, { customerId, cartId })
    const open = locked.find((each) => each.status === 'open')
    if (open !== undefined) return await moveLines(tx, { from: cartId, to: open.id, customerId })
  }
  await tx.run(reopen, { cartId })
}
