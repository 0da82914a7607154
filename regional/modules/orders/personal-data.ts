/** A customer's orders, for those who ask what is kept of them or want it erased. */
import { sql } from 'drizzle-orm'
import type { Order } from '../../../shared/contracts/orders.ts'
import { Problem } from '../../../shared/problems.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import { forgetPayers } from '../payments/index.ts'
import { orderPage } from './queries.ts'

/** The newest of one customer's orders. */
export async function ordersOf(
  runner: Runner,
  request: { customerId: string; limit: number },
): Promise<Order[]> {
  return (await orderPage(runner, request)).items
}

interface PlacedRow {
  id: string
  cartId: string
  isPending: boolean
}

const selectPlaced = statement<{ customerId: string }, PlacedRow>(
  'order_placed_by_customer',
  sql`select id, cart_id as "cartId", state = 'payment_pending' as "isPending"
    from "order" where customer_id = ${value('customerId')}`,
)

const erase = statement<{ customerId: string }, unknown>(
  'order_erase_customer',
  sql`update "order" set customer_id = null, email = null,
      shipping_address = jsonb_build_object('country', shipping_address->'country')
    where customer_id = ${value('customerId')}`,
)

/**
 * Erases the person from their orders: what was bought, for how much, in which market and for which country stays. The caller
 * has ended the customer's sessions, so no order comes by meanwhile.
 *
 * @returns the ids of the orders, and of the carts they were placed from.
 * @throws {Problem} `account.state_conflict` while an order waits for its payment, whose outcome they must be told.
 */
export async function eraseOrders(
  tx: Tx,
  { customerId }: { customerId: string },
): Promise<{ orderIds: string[]; cartIds: string[] }> {
  const placed = await tx.run(selectPlaced, { customerId })
  if (placed.some(({ isPending }) => isPending)) {
    throw new Problem('account.state_conflict', { detail: 'An order waits for its payment.' })
  }
  await tx.run(erase, { customerId })
  const orderIds = placed.map(({ id }) => id)
  await forgetPayers(tx, orderIds)
  return { orderIds, cartIds: placed.map(({ cartId }) => cartId) }
}
