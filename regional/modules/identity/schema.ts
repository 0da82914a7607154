/** Accounts, what proves that one is somebody's, and links that were mailed. They live in one cell. */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  pgTable,
  text,
  timestamp,
  unique,
} from 'drizzle-orm/pg-core'
import { session } from '../../platform/schema.ts'

/** A customer or a member of staff. One address may belong to one of each, and they know nothing of each other. */
export const account = pgTable(
  'account',
  {
    id: text().primaryKey(),
    kind: text().notNull(),
    /** In lower case; null once the person was erased. */
    email: text(),
    emailVerified: boolean('email_verified').notNull().default(false),
    name: text(),
    status: text().notNull().default('active'),
    /** The customer group's handle. */
    group: text('customer_group'),
    locale: text(),
    twoFactorEnabled: boolean('two_factor_enabled').notNull().default(false),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    unique('account_email').on(table.kind, table.email),
    index('account_status').on(table.kind, table.status, table.id),
    index('account_group').on(table.group, table.id).where(sql`${table.group} is not null`),
    check('account_kind', sql`${table.kind} in ('customer', 'staff')`),
    check('account_status', sql`${table.status} in ('active', 'deactivated', 'erased')`),
    check('account_email_lower', sql`${table.email} = lower(${table.email})`),
    check(
      'account_erased',
      sql`case ${table.status} when 'erased' then ${table.email} is null and ${table.name} is null
        else ${table.email} is not null end`,
    ),
  ],
)

/** One way to prove that an account is one's own; so far a password, as `provider` says. */
export const credential = pgTable(
  'credential',
  {
    id: text().primaryKey(),
    accountId: text('account_id')
      .notNull()
      .references(() => account.id, { onDelete: 'cascade' }),
    provider: text().notNull(),
    /** Who the account is at the provider. */
    subject: text().notNull(),
    /** A PHC string. */
    password: text(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    unique('credential_subject').on(table.provider, table.subject),
    unique('credential_account').on(table.accountId, table.provider),
  ],
)

/** What was promised to whoever holds a secret, such as the one in a mailed link; of the secret, its hash. */
export const verification = pgTable(
  'verification',
  {
    id: text().primaryKey(),
    identifier: text().notNull(),
    value: text().notNull(),
    expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    index('verification_identifier').on(table.identifier),
    index('verification_value').on(table.value),
    index('verification_expires_at').on(table.expiresAt),
  ],
)

/** An account's second factor: codes by time (RFC 6238), and some to keep for the day when the device is lost. */
export const twoFactor = pgTable('two_factor', {
  accountId: text('account_id')
    .primaryKey()
    .references(() => account.id, { onDelete: 'cascade' }),
  /** Encrypted with a key of the cell's. */
  secret: text().notNull(),
  /** Hashes; a code that was used is no longer here. */
  backupCodes: text('backup_codes').array().notNull(),
  /** Null until the first code has shown that the device knows the secret. */
  confirmedAt: timestamp('confirmed_at', { withTimezone: true }),
  /** The time step of the code used last: neither it nor an older one passes again (RFC 6238 §5.2). */
  lastStep: bigint('last_step', { mode: 'number' }).notNull().default(0),
  failedCount: integer('failed_count').notNull().default(0),
  lockedUntil: timestamp('locked_until', { withTimezone: true }),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
})

/** What a session's client presents for its next access token; of each, its hash. They go with their session. */
export const refreshToken = pgTable(
  'refresh_token',
  {
    hash: text().primaryKey(),
    sessionId: text('session_id')
      .notNull()
      .references(() => session.id, { onDelete: 'cascade' }),
    /** The one that this was given for; null for a session's first. */
    parent: text(),
    usedAt: timestamp('used_at', { withTimezone: true }),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    index('refresh_token_session').on(table.sessionId),
    index('refresh_token_used').on(table.usedAt),
    unique('refresh_token_parent').on(table.parent),
  ],
)
