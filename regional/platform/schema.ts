/** The platform's tables: the clock of the feeds, the outbox, idempotency records, the audit log, sessions and keys. */
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
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'

/** One row a feed. Its lock is held from a tagged write's last statement to its commit. */
export const feedClock = pgTable('feed_clock', {
  feed: text().primaryKey(),
  n: bigint({ mode: 'number' }).notNull().default(0),
  history: text().notNull(),
  /** Start of the Postgres that counts; when it differs, the history may have lost its end. */
  originStartedAt: timestamp('origin_started_at', { withTimezone: true }).notNull(),
})

export const feedChange = pgTable(
  'feed_change',
  {
    feed: text().notNull(),
    n: bigint({ mode: 'number' }).notNull(),
    tags: text().array().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.feed, table.n] })],
)

/** One row: this cell's copy of the replicated tables. */
export const feedCopy = pgTable(
  'feed_copy',
  { only: smallint().primaryKey().default(1), copy: text().notNull() },
  (table) => [check('feed_copy_one_row', sql`${table.only} = 1`)],
)

export const outbox = pgTable(
  'outbox',
  {
    id: uuid().primaryKey(),
    type: text().notNull(),
    subject: text().notNull(),
    payload: jsonb().notNull(),
    /** True until a payload that may be nowhere else is forgotten. */
    isHeld: boolean('is_held').notNull().default(false),
    occurredAt: timestamp('occurred_at', { withTimezone: true }).notNull().defaultNow(),
    dispatchedAt: timestamp('dispatched_at', { withTimezone: true }),
  },
  (table) => [
    index('outbox_undispatched').on(table.id).where(sql`${table.dispatchedAt} is null`),
    index('outbox_dispatched_at').on(table.dispatchedAt),
    index('outbox_subject').on(table.subject),
    index('outbox_held').on(table.occurredAt).where(sql`${table.isHeld}`),
  ],
)

/** A creating request, so that its second copy gets the first answer. The key itself is not kept. */
export const idempotency = pgTable(
  'idempotency',
  {
    keyHash: text('key_hash').notNull(),
    contract: text().notNull(),
    caller: text().notNull(),
    fingerprint: text().notNull(),
    state: text().notNull().default('running'),
    status: integer(),
    response: jsonb(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.keyHash, table.contract, table.caller] }),
    check('idempotency_state', sql`${table.state} in ('running', 'done')`),
    check('idempotency_done', sql`(${table.state} = 'done') = (${table.status} is not null)`),
    index('idempotency_created_at').on(table.createdAt),
    index('idempotency_caller').on(table.caller).where(sql`${table.caller} <> 'guest'`),
  ],
)

/** Who did what. A cell may only add to it; each filter of its list has an index that ends in the list's order. */
export const audit = pgTable(
  'audit',
  {
    id: uuid().primaryKey(),
    actor: text().notNull(),
    action: text().notNull(),
    subject: text().notNull(),
    requestId: text('request_id').notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
    /** The contract that was called; null for what no request did. */
    contract: text(),
    /** What an auditor needs beside the action, such as before and after. Never personal data. */
    detail: jsonb(),
  },
  (table) => [
    index('audit_at').on(table.at, table.id),
    index('audit_actor').on(table.actor, table.at, table.id),
    index('audit_action').on(table.action, table.at, table.id),
    index('audit_subject').on(table.subject, table.at, table.id),
  ],
)

/** The chain over the audit log. It has no foreign key: a row that was removed must be found missing. */
export const auditSeal = pgTable(
  'audit_seal',
  {
    n: bigint({ mode: 'number' }).primaryKey(),
    auditId: uuid('audit_id').notNull().unique(),
    hash: text().notNull(),
  },
  (table) => [
    check('audit_seal_n', sql`${table.n} > 0`),
    check('audit_seal_hash', sql`${table.hash} ~ '^[0-9a-f]{64}$'`),
  ],
)

/**
 * A session: one sign-in on one device. It stands while its row does; what ends it deletes the row and ends its tokens in the
 * same transaction.
 */
export const session = pgTable(
  'session',
  {
    id: text().primaryKey(),
    accountId: text('account_id').notNull(),
    /** How long it stands without being used. */
    idleSeconds: integer('idle_seconds').notNull(),
    expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
    /** When it ends however much it is used. */
    endsAt: timestamp('ends_at', { withTimezone: true }).notNull(),
    /** What the client said of itself. */
    userAgent: text('user_agent'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** When it last fetched an access token. */
    usedAt: timestamp('used_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    index('session_account').on(table.accountId),
    index('session_expires_at').on(table.expiresAt),
  ],
)

/** A key pair that signs this cell's access tokens; see `signing-keys.ts`. */
export const signingKey = pgTable('signing_key', {
  kid: text().primaryKey(),
  publicJwk: jsonb('public_jwk').notNull(),
  /** The private key, encrypted under the cell's `TOKEN_KEY_SECRET`. */
  sealedPrivate: text('sealed_private').notNull(),
  /** It is published for a while before it signs, so that whoever verifies knows it by then. */
  signsFrom: timestamp('signs_from', { withTimezone: true }).notNull(),
  /** Published until then; `null` while no younger key has taken its place. */
  verifiesUntil: timestamp('verifies_until', { withTimezone: true }),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
})
