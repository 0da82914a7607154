/** What customers keep for their next order, and the groups they are put into. They live in one cell. */
import { sql } from 'drizzle-orm'
import { boolean, index, jsonb, pgTable, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core'
import type { z } from 'zod'
import type { Address } from '../../../shared/contracts/orders.ts'

export const address = pgTable(
  'address',
  {
    id: text().primaryKey(),
    customerId: text('customer_id').notNull(),
    document: jsonb().$type<z.infer<typeof Address>>().notNull(),
    isDefault: boolean('is_default').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    index('address_customer').on(table.customerId, table.id),
    uniqueIndex('address_default').on(table.customerId).where(sql`${table.isDefault}`),
  ],
)

/** Price lists name a group by its handle; whoever is in none has everybody's prices. */
export const customerGroup = pgTable('customer_group', {
  handle: text().primaryKey(),
  name: text().notNull(),
})
