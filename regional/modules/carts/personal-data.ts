/** A customer's carts, for those who ask what is kept of them or want it erased. */
import { sql } from 'drizzle-orm'
import type { Runner, Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import { holdCartsOf } from './customer-lock.ts'
import { type StoredCart, selectCartsOf } from './queries.ts'

export type CustomerCart = Omit<StoredCart, 'secretHash' | 'customerId'>

/** The first of one customer's carts, by age. */
export async function cartsOf(
  runner: Runner,
  request: { customerId: string; limit: number },
): Promise<CustomerCart[]> {
  const carts = await runner.run(selectCartsOf, request)
  return carts.map(({ secretHash, customerId, ...cart }) => cart)
}

const lockAll = statement<{ customerId: string; others: string[] }, { id: string }>(
  'cart_lock_all_of_customer',
  sql`select id from cart
    where customer_id = ${value('customerId')} or id = any(${value('others')}::text[])
    order by id for update`,
)

const deleteCarts = statement<{ ids: string[] }, unknown>(
  'cart_erase',
  sql`delete from cart where id = any(${value('ids')}::text[])`,
)

/**
 * Deletes all of a customer's carts, and those that their orders were placed from as a guest. No order is placed of one
 * from here to the commit.
 *
 * @returns the ids that they had.
 */
export async function eraseCarts(
  tx: Tx,
  request: { customerId: string; others: readonly string[] },
): Promise<string[]> {
  const { customerId, others } = request
  await holdCartsOf(tx, customerId)
  const locked = await tx.run(lockAll, { customerId, others: [...others] })
  const ids = locked.map(({ id }) => id)
  await tx.run(deleteCarts, { ids })
  return ids
}
