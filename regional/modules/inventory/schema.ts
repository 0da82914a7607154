/** Inventory's tables: what may be sold, and the ledger that explains it. */
import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'

export const stockLevel = pgTable(
  'stock_level',
  {
    sku: text().primaryKey(),
    available: integer().notNull(),
    /** The state the catalogue last showed; a reaction moves it, not a buyer. */
    availability: text().notNull(),
    version: bigint({ mode: 'number' }).notNull().default(1),
  },
  (table) => [
    check('stock_level_available', sql`${table.available} >= 0`),
    check(
      'stock_level_availability',
      sql`${table.availability} in ('in_stock', 'low', 'out_of_stock', 'backorder')`,
    ),
  ],
)

/** Append-only: the sum of a SKU's movements is its level. */
export const stockMovement = pgTable(
  'stock_movement',
  {
    id: uuid().primaryKey(),
    sku: text()
      .notNull()
      .references(() => stockLevel.sku),
    quantity: integer().notNull(),
    reason: text().notNull(),
    /** The order, or the actor that set the level. */
    reference: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    index('stock_movement_sku').on(table.sku),
    check('stock_movement_reason', sql`${table.reason} in ('set', 'sold', 'returned')`),
    check('stock_movement_quantity', sql`${table.quantity} <> 0`),
  ],
)
