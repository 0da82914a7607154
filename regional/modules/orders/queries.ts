/** Reads of orders. */
import { type SQL, sql } from 'drizzle-orm'
import type { Totals } from '../../../shared/contracts/carts.ts'
import type { Order } from '../../../shared/contracts/orders.ts'
import { Problem } from '../../../shared/problems.ts'
import { asCustomer, hasScope } from '../../platform/access.ts'
import type { Runner } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { pageOf } from '../../platform/page.ts'
import { momentText, statement, value } from '../../platform/statement.ts'
import { heldCart } from '../carts/index.ts'

interface Row extends Omit<Order, 'totals'>, Totals {
  /** Whose it is; null for a guest's. */
  customerId: string | null
}

/** Of an erased customer's order only the country is left of the address. */
const ordersWhere = (condition: SQL) => sql`
  select placed.id, placed.cart_id as "cartId", placed.customer_id as "customerId", placed.state,
    placed.market, placed.locale, placed.channel, placed.email,
    case when placed.email is not null then placed.shipping_address end as "shippingAddress",
    placed.shipping_address->>'country' as country, placed.currency,
    placed.prices_include_tax as "pricesIncludeTax", placed.subtotal_minor as "subtotalMinor",
    placed.tax_minor as "taxMinor", placed.total_minor as "totalMinor",
    ${momentText(sql`placed.placed_at`)} as "placedAt",
    (select json_agg(json_build_object('sku', line.sku, 'name', line.name,
        'options', line.options, 'quantity', line.quantity,
        'unitPriceMinor', line.unit_price_minor, 'totalMinor', line.total_minor,
        'taxMinor', line.tax_minor) order by line.position)
      from order_line line where line.order_id = placed.id) as lines
  from "order" placed where ${condition}`

const selectOrder = statement<{ id: string }, Row>(
  'order_by_id',
  ordersWhere(sql`placed.id = ${value('id')}`),
)

/** For those who have already proved that they may see it. */
export async function orderById(runner: Runner, id: string): Promise<Order | null> {
  const [row] = await runner.run(selectOrder, { id })
  return row === undefined ? null : orderOf(row)
}

function orderOf(row: Row): Order {
  const { currency, pricesIncludeTax, subtotalMinor, taxMinor, totalMinor, ...rest } = row
  const { customerId, ...order } = rest
  return { ...order, totals: { currency, pricesIncludeTax, subtotalMinor, taxMinor, totalMinor } }
}

/**
 * The order, for its customer, or for staff that may read orders of its channel. A guest's is for the holder of its cart,
 * until it becomes a customer's: a secret that somebody was told once opens nothing of an account.
 *
 * @throws {Problem} `order.unknown`, the same whether there is no such order or the caller may not see it.
 */
export async function visibleOrder(runner: Runner, actor: Actor, id: string): Promise<Order> {
  const [row] = await runner.run(selectOrder, { id })
  if (row === undefined) throw new Problem('order.unknown')
  const order = orderOf(row)
  if (hasScope(actor, 'orders:read', order.channel)) return order
  const { principal } = actor
  if (row.customerId !== null) {
    if (principal.kind === 'customer' && principal.id === row.customerId) return order
    throw new Problem('order.unknown')
  }
  await heldCart(runner, actor, order.cartId).catch((cause: unknown) => {
    throw cause instanceof Problem ? new Problem('order.unknown', { cause }) : cause
  })
  return order
}

interface PageValues extends Record<string, unknown> {
  customerId: string
  before: string
  limit: number
}

/** Ids sort by time, so the newest order is the last of the customer's in their index. */
export const selectOrderPage = statement<PageValues, Row>(
  'order_page_of_customer',
  sql`${ordersWhere(
    sql`placed.customer_id = ${value('customerId')} and placed.id < ${value('before')}`,
  )}
  order by placed.id desc limit ${value('limit')}::int + 1`,
)

/** After every id of an order, under whatever collation: its cell's name is shorter, and digits sort before letters. */
const NEWEST = `ord${'z'.repeat(24)}`

/** A page of one customer's orders, the newest first. */
export async function orderPage(
  runner: Runner,
  request: { customerId: string; limit: number; after?: string | undefined },
): Promise<{ items: Order[]; next: string | null }> {
  const { customerId, limit, after: before = NEWEST } = request
  const rows = await runner.run(selectOrderPage, { customerId, before, limit })
  const page = pageOf(rows, limit, ({ id }) => id)
  return { ...page, items: page.items.map(orderOf) }
}

/** A page of the actor's own orders, the newest first. */
export async function ownOrderPage(
  runner: Runner,
  actor: Actor,
  request: { limit: number; after?: string | undefined },
): Promise<{ items: Order[]; next: string | null }> {
  return await orderPage(runner, { ...request, customerId: asCustomer(actor).id })
}
