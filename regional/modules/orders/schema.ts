/** Orders and their lines: what was agreed, kept as it was agreed. */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import type { z } from 'zod'
import type { Address } from '../../../shared/contracts/orders.ts'

export const order = pgTable(
  'order',
  {
    id: text().primaryKey(),
    cartId: text('cart_id').notNull(),
    /** Whose it is; null for a guest's, and once the customer was erased. */
    customerId: text('customer_id'),
    state: text().notNull(),
    market: text().notNull(),
    locale: text().notNull(),
    channel: text().notNull().default('web'),
    /** Null once the customer was erased; of the address, the country is kept. */
    email: text(),
    shippingAddress: jsonb('shipping_address')
      .$type<z.infer<typeof Address> | { country: string }>()
      .notNull(),
    currency: text().notNull(),
    pricesIncludeTax: boolean('prices_include_tax').notNull(),
    subtotalMinor: bigint('subtotal_minor', { mode: 'number' }).notNull(),
    taxMinor: bigint('tax_minor', { mode: 'number' }).notNull(),
    totalMinor: bigint('total_minor', { mode: 'number' }).notNull(),
    placedAt: timestamp('placed_at', { withTimezone: true }).notNull(),
  },
  (table) => [
    check('order_state', sql`${table.state} in ('payment_pending', 'confirmed', 'payment_failed')`),
    check(
      'order_total',
      sql`${table.totalMinor} = ${table.subtotalMinor} + case when ${table.pricesIncludeTax} then 0 else ${table.taxMinor} end`,
    ),
    // One live order a cart, whatever the requests do.
    uniqueIndex('order_one_per_cart')
      .on(table.cartId)
      .where(sql`${table.state} <> 'payment_failed'`),
    index('order_customer')
      .on(table.customerId, table.id)
      .where(sql`${table.customerId} is not null`),
    index('order_guest_email')
      .on(sql`lower(${table.email})`)
      .where(sql`${table.customerId} is null`),
    index('order_payment_pending')
      .on(table.placedAt)
      .where(sql`${table.state} = 'payment_pending'`),
  ],
)

export const orderLine = pgTable(
  'order_line',
  {
    orderId: text('order_id')
      .notNull()
      .references(() => order.id),
    position: integer().notNull(),
    sku: text().notNull(),
    name: text().notNull(),
    options: jsonb().$type<Record<string, string>>().notNull(),
    quantity: integer().notNull(),
    unitPriceMinor: bigint('unit_price_minor', { mode: 'number' }).notNull(),
    totalMinor: bigint('total_minor', { mode: 'number' }).notNull(),
    taxMinor: bigint('tax_minor', { mode: 'number' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.orderId, table.position] }),
    check(
      'order_line_total',
      sql`${table.totalMinor} = ${table.unitPriceMinor} * ${table.quantity}`,
    ),
  ],
)
