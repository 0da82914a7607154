/**
 * The payment's row: the intent before a provider is called, its outcome after. The clauses are parts of the order's own
 * statements, so that an order and its payment change in one round trip.
 */
import { type SQL, sql } from 'drizzle-orm'
import type { Currency } from '../../../shared/money.ts'
import type { Runner } from '../../platform/database.ts'
import type { IdempotencyRecord } from '../../platform/idempotency.ts'
import { statement, value } from '../../platform/statement.ts'

export interface PendingPayment {
  /** Also the idempotency key that the provider is given. */
  id: string
  orderId: string
  method: string
  amountMinor: number
  currency: Currency
  /** The creating request to answer when the outcome is known. */
  idempotency: IdempotencyRecord
}

/** Records an intent: the parameter `payment` in JSON, and `retryAt`, from when a job may ask for its outcome. */
export const recordPayment: SQL = sql`
  insert into payment (id, order_id, provider, method, amount_minor, currency, idempotency_record,
    next_attempt_at)
  select id, "orderId", provider, method, "amountMinor", currency, idempotency,
    ${value('retryAt')}::timestamptz
  from jsonb_to_record(${value('payment')}::jsonb)
    as intent(id text, "orderId" text, provider text, method text, "amountMinor" bigint,
      currency text, idempotency jsonb)`

/**
 * Settles a payment by the parameters `paymentId`, `outcome` and `settledAt`. Fenced: of all who learn an outcome one
 * gets the row, and whatever else the statement does must depend on it.
 */
export const settlePayment: SQL = sql`
  update payment set state = ${value('outcome')}, settled_at = ${value('settledAt')}::timestamptz
  where id = ${value('paymentId')} and state = 'pending'
  returning id`

interface ClaimValues extends Record<string, unknown> {
  provider: string
  now: string
  leaseSeconds: number
  leaseSecondsMax: number
  limit: number
}

/** The lease doubles with every attempt, so that a vendor that is down is not asked ever faster. */
const claimDue = statement<ClaimValues, PendingPayment & { attempts: number }>(
  'payment_claim_due',
  sql`
  update payment set attempts = attempts + 1,
    next_attempt_at = ${value('now')}::timestamptz + make_interval(secs => least(
      ${value('leaseSeconds')}::float8 * power(2, least(attempts, 20)),
      ${value('leaseSecondsMax')}::float8))
  where id in (
    select id from payment
    where state = 'pending' and provider = ${value('provider')}
      and next_attempt_at <= ${value('now')}::timestamptz
    order by next_attempt_at
    limit ${value('limit')}::int
    for update skip locked
  )
  returning id, order_id as "orderId", method, amount_minor as "amountMinor", currency,
    idempotency_record as idempotency, attempts`,
)

const LEASE_SECONDS = 30
const LEASE_SECONDS_MAX = 600

/**
 * Takes payments whose outcome is overdue, for as long as a lease, of the one provider that knows of them. Nobody else
 * takes them meanwhile; whoever does later is kept from settling twice by `settlePayment`.
 */
export async function claimDuePayments(
  runner: Runner,
  request: { provider: string; now: Date; limit: number },
): Promise<(PendingPayment & { attempts: number })[]> {
  return await runner.run(claimDue, {
    provider: request.provider,
    now: request.now.toISOString(),
    leaseSeconds: LEASE_SECONDS,
    leaseSecondsMax: LEASE_SECONDS_MAX,
    limit: request.limit,
  })
}

const forgetRequests = statement<{ orderIds: string[] }, unknown>(
  'payment_forget_payers',
  sql`update payment set idempotency_record = null
    where order_id = any(${value('orderIds')}::text[]) and state <> 'pending'`,
)

/** Forgets who asked for the payments of these orders. They are settled, so nobody waits for an answer any more. */
export async function forgetPayers(tx: Runner, orderIds: readonly string[]): Promise<void> {
  await tx.run(forgetRequests, { orderIds: [...orderIds] })
}
