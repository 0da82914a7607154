/** Finishes or reverses the orders whose payment was left without an outcome, by a lost answer or by a crash. */
import type { Job, Services } from '../../platform/implement.ts'
import {
  claimDuePayments,
  type PaymentOutcome,
  type PaymentProvider,
  type PendingPayment,
  withinTime,
} from '../payments/index.ts'
import { orderById } from './queries.ts'
import { settle } from './settle.ts'

const EVERY_SECONDS = 5
const BATCH = 20
/** What is due beyond so many batches waits for the next run. */
const BATCHES_MAX = 50

/** @param providerOf the provider to ask. */
export function reconcilePayments(providerOf: (services: Services) => PaymentProvider): Job {
  return {
    name: 'reconcile-payments',
    everySeconds: EVERY_SECONDS,
    run: (services) => reconcile(services, providerOf(services)),
  }
}

async function reconcile(services: Services, provider: PaymentProvider): Promise<void> {
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const due = await claimDuePayments(services.db, {
      provider: provider.name,
      now: services.clock.now(),
      limit: BATCH,
    })
    for (const payment of due) {
      await settleDue(services, provider, payment).catch((error: unknown) => {
        // Its lease lapses, and it is tried again: without an outcome nothing may be decided.
        const { id, attempts } = payment
        const reason = error instanceof Error ? error.name : 'unknown'
        services.log.error(
          { payment: id, attempts, reason },
          'a payment is still without an outcome',
        )
      })
    }
    if (due.length < BATCH) return
  }
}

async function settleDue(
  services: Services,
  provider: PaymentProvider,
  payment: PendingPayment,
): Promise<void> {
  const outcome = await outcomeOf(provider, payment.id, services.config.PAYMENT_TIMEOUT_MS)
  const order = await orderById(services.db, payment.orderId)
  if (order === null) throw new Error('a payment has no order')
  await settle(services.db, { order, payment }, outcome, services.clock.now())
}

/** A charge that the provider does not know may be on its way still, so it is cancelled before it counts as none. */
async function outcomeOf(
  provider: PaymentProvider,
  key: string,
  timeoutMs: number,
): Promise<PaymentOutcome> {
  const known = await withinTime(timeoutMs, (signal) => provider.lookup(key, signal))
  return known ?? (await withinTime(timeoutMs, (signal) => provider.cancel(key, signal)))
}
