/** Places the order of a cart, and charges it once. */
import type { Order, PlaceOrder } from '../../../shared/contracts/orders.ts'
import { claimKey, type IdempotencyRecord, replay } from '../../platform/idempotency.ts'
import type { Actor, RequestDb, Services } from '../../platform/implement.ts'
import { heldCart } from '../carts/index.ts'
import {
  type PaymentOutcome,
  type PaymentProvider,
  type PendingPayment,
  withinTime,
} from '../payments/index.ts'
import { agree } from './agree.ts'
import { paymentFailure, settle } from './settle.ts'

export interface PlaceOrderContext {
  readonly services: Pick<Services, 'config' | 'clock' | 'log'>
  readonly db: RequestDb
  readonly provider: PaymentProvider
  readonly idempotency: IdempotencyRecord
}

/**
 * Places an order in three steps, none of which holds a lock during another: agree, charge, settle.
 *
 * The idempotency key is committed as running with the agreement. A repeat is refused with `idempotency.running` until
 * the payment is settled, and then given the same end: the order, or `payment.declined`. If the provider's answer does
 * not come in time, the order is returned `payment_pending`; a job asks the provider later and settles it, as it does
 * after a crash between the steps. A refusal before the charge leaves nothing behind, and the key unused.
 *
 * @throws {Problem} what `agree` throws; `payment.declined`, with the stock returned and the cart open again.
 */
export async function placeOrder(
  context: PlaceOrderContext,
  actor: Actor,
  input: PlaceOrder & { cartId: string },
): Promise<Order> {
  const { services, db, provider, idempotency } = context
  const { config, clock } = services
  const begun = await db.inTransaction(async (tx) => {
    const earlier = await claimKey(tx, idempotency)
    if (earlier !== null) {
      await heldCart(tx, actor, input.cartId)
      return { earlier }
    }
    const agreement = await agree(tx, actor, input, {
      cell: config.CELL,
      now: clock.now(),
      provider: provider.name,
      reconcileAfterMs: config.PAYMENT_RECONCILE_AFTER_MS,
      idempotency,
    })
    return { agreement }
  })
  if (begun.earlier !== undefined) return replay(begun.earlier) as Order
  const { agreement } = begun
  const outcome = await charge(context, agreement.payment)
  if (outcome === null) return agreement.order
  const settled = await settle(db, agreement, outcome, clock.now())
  if (settled.state === 'payment_failed') throw paymentFailure(settled)
  return settled
}

/** `null` when the outcome is not known: whatever went wrong, the charge may have happened. */
async function charge(
  { services, provider }: PlaceOrderContext,
  payment: PendingPayment,
): Promise<PaymentOutcome | null> {
  const { id: key, amountMinor, currency, method } = payment
  try {
    return await withinTime(services.config.PAYMENT_TIMEOUT_MS, (signal) =>
      provider.charge({ key, amountMinor, currency, method }, signal),
    )
  } catch (error) {
    const reason = error instanceof Error ? error.name : 'unknown'
    services.log.warn({ payment: key, reason }, 'a payment has no outcome yet')
    return null
  }
}
