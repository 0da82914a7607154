/** Payments: the intent before a provider is called, and its outcome after. */
import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

export const payment = pgTable(
  'payment',
  {
    /** Also the idempotency key the provider is given. */
    id: text().primaryKey(),
    orderId: text('order_id').notNull(),
    provider: text().notNull(),
    method: text().notNull(),
    amountMinor: bigint('amount_minor', { mode: 'number' }).notNull(),
    currency: text().notNull(),
    state: text().notNull().default('pending'),
    /** The creating request to answer when the outcome is known. */
    idempotencyRecord: jsonb('idempotency_record'),
    /** Raised by whoever takes the payment to settle it. */
    attempts: integer().notNull().default(0),
    nextAttemptAt: timestamp('next_attempt_at', { withTimezone: true }).notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    settledAt: timestamp('settled_at', { withTimezone: true }),
  },
  (table) => [
    check('payment_state', sql`${table.state} in ('pending', 'captured', 'declined', 'cancelled')`),
    index('payment_order').on(table.orderId),
    index('payment_pending').on(table.nextAttemptAt).where(sql`${table.state} = 'pending'`),
  ],
)

/** The built-in test provider's own book. It stands for a vendor: written outside our transactions. */
export const testProviderCharge = pgTable(
  'test_provider_charge',
  {
    key: text().primaryKey(),
    amountMinor: bigint('amount_minor', { mode: 'number' }).notNull(),
    currency: text().notNull(),
    outcome: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    check('test_provider_outcome', sql`${table.outcome} in ('captured', 'declined', 'cancelled')`),
  ],
)
