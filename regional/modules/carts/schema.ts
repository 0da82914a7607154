/** Carts and their lines. They live in one cell and touch no clock. */
import { sql } from 'drizzle-orm'
import { check, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'

export const cart = pgTable(
  'cart',
  {
    id: text().primaryKey(),
    /** SHA-256 of the secret; the secret itself is not kept. */
    secretHash: text('secret_hash').notNull(),
    status: text().notNull().default('open'),
    market: text().notNull(),
    locale: text().notNull(),
    /** Rises with every change of the cart or its lines, so that a reader that waited knows its lines are old. */
    version: integer().notNull().default(1),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [check('cart_status', sql`${table.status} in ('open', 'placing', 'ordered')`)],
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
