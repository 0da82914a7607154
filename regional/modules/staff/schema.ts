/** Invitations to the staff. They live in one cell. */

import { sql } from 'drizzle-orm'
import { check, index, jsonb, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'
import type { Grant } from '../access/index.ts'

/** One that was accepted or withdrawn is deleted; the audit log remembers it without the address. */
export const staffInvitation = pgTable(
  'staff_invitation',
  {
    id: text().primaryKey(),
    /** In lower case. A new invitation of an address takes the place of an earlier one. */
    email: text().notNull(),
    name: text(),
    grants: jsonb().$type<Grant[]>().notNull(),
    /** SHA-256 of the token in the link; the token itself is not kept. */
    tokenHash: text('token_hash').notNull(),
    /** An account, or `operator` for who has the database. */
    invitedBy: text('invited_by').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
  },
  (table) => [
    unique('staff_invitation_email').on(table.email),
    unique('staff_invitation_token').on(table.tokenHash),
    index('staff_invitation_expires_at').on(table.expiresAt),
    check('staff_invitation_email_lower', sql`${table.email} = lower(${table.email})`),
  ],
)
