/** Carts and their lines. They live in one cell and touch no clock. */
import { sql } from 'drizzle-orm'
import {
  check,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'

export const cart = pgTable(
  'cart',
  {
    id: text().primaryKey(),
    /** SHA-256 of the secret; the secret itself is not kept. */
    secretHash: text('secret_hash').notNull(),
    /** Whose it is; null for a guest's. From then on the secret opens nothing. */
    customerId: text('customer_id'),
    status: text().notNull().default('open'),
    market: text().notNull(),
    locale: text().notNull(),
    channel: text().notNull().default('web'),
    /** Rises with every change of the cart or its lines, so that a reader that waited knows its lines are old. */
    version: integer().notNull().default(1),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    check('cart_status', sql`${table.status} in ('open', 'placing', 'ordered', 'merged')`),
    // One open cart a customer, whatever the requests do.
    uniqueIndex('cart_open_of_customer').on(table.customerId).where(sql`${table.status} = 'open'`),
    index('cart_customer').on(table.customerId).where(sql`${table.customerId} is not null`),
  ],
)

export const cartLine = pgTable(
  'cart_line',
  {
    cartId: text('cart_id')
      .notNull()
      .references(() => cart.id, { onDelete: 'cascade' }),
    sku: text().notNull(),
    quantity: integer().notNull(),
    addedAt: timestamp('added_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.cartId, table.sku] }),
    check('cart_line_quantity', sql`${table.quantity} between 1 and 999`),
  ],
)
