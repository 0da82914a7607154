/** Reads of orders. */
import { sql } from 'drizzle-orm'
import type { Totals } from '../../../shared/contracts/carts.ts'
import type { Order } from '../../../shared/contracts/orders.ts'
import { Problem } from '../../../shared/problems.ts'
import { hasScope } from '../../platform/access.ts'
import type { Runner } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { heldCart } from '../carts/index.ts'

interface Row extends Omit<Order, 'totals'>, Totals {}

const selectOrder = statement<{ id: string }, Row>(
  'order_by_id',
  sql`
  select placed.id, placed.cart_id as "cartId", placed.state, placed.market, placed.locale,
    placed.email, placed.shipping_address as "shippingAddress", placed.currency,
    placed.prices_include_tax as "pricesIncludeTax", placed.subtotal_minor as "subtotalMinor",
    placed.tax_minor as "taxMinor", placed.total_minor as "totalMinor",
    to_char(placed.placed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "placedAt",
    (select json_agg(json_build_object('sku', line.sku, 'name', line.name,
        'options', line.options, 'quantity', line.quantity,
        'unitPriceMinor', line.unit_price_minor, 'totalMinor', line.total_minor,
        'taxMinor', line.tax_minor) order by line.position)
      from order_line line where line.order_id = placed.id) as lines
  from "order" placed where placed.id = ${value('id')}`,
)

/** For those who have already proved that they may see it. */
export async function orderById(runner: Runner, id: string): Promise<Order | null> {
  const [row] = await runner.run(selectOrder, { id })
  if (row === undefined) return null
  const { currency, pricesIncludeTax, subtotalMinor, taxMinor, totalMinor, ...order } = row
  return { ...order, totals: { currency, pricesIncludeTax, subtotalMinor, taxMinor, totalMinor } }
}

/**
 * The order, for the holder of its cart, or for staff that may read orders.
 *
 * @throws {Problem} `order.unknown`, the same whether there is no such order or the caller may not see it.
 */
export async function visibleOrder(runner: Runner, actor: Actor, id: string): Promise<Order> {
  const order = await orderById(runner, id)
  if (order === null) throw new Problem('order.unknown')
  if (hasScope(actor, 'orders:read')) return order
  await heldCart(runner, actor, order.cartId).catch((cause: unknown) => {
    throw cause instanceof Problem ? new Problem('order.unknown', { cause }) : cause
  })
  return order
}
