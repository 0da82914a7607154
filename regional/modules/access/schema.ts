/** Roles, which are data, and who has which. They live in one cell. */
import { sql } from 'drizzle-orm'
import { boolean, check, index, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'

export const role = pgTable(
  'role',
  {
    name: text().primaryKey(),
    title: text().notNull(),
    /** `*` stands for every scope that this release knows. */
    scopes: text().array().notNull(),
    /** Made by a migration; nobody can change or delete it. */
    builtIn: boolean('built_in').notNull().default(false),
  },
  (table) => [check('role_every_scope', sql`${table.builtIn} or not '*' = any(${table.scopes})`)],
)

export const staffGrant = pgTable(
  'staff_grant',
  {
    accountId: text('account_id').notNull(),
    role: text()
      .notNull()
      .references(() => role.name),
    /** The cell it is valid in; null for every cell. */
    cell: text(),
    /** The sales channel it is valid in; null for every channel. */
    channel: text(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** An account, or `operator` for who has the database. */
    grantedBy: text('granted_by').notNull(),
  },
  (table) => [
    unique('staff_grant_once')
      .on(table.accountId, table.role, table.cell, table.channel)
      .nullsNotDistinct(),
    index('staff_grant_role').on(table.role, table.accountId),
    check('staff_grant_owner', sql`${table.role} <> 'owner' or ${table.channel} is null`),
  ],
)
