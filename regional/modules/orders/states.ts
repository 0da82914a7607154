/** The states of an order, and what the outcome of its payment makes of each. What is not here cannot happen. */
import type { OrderState } from '../../../shared/contracts/orders.ts'
import type { PaymentOutcome } from '../payments/index.ts'

export const ORDER_STATES: Readonly<
  Record<OrderState, Readonly<Partial<Record<PaymentOutcome, OrderState>>>>
> = {
  payment_pending: {
    captured: 'confirmed',
    declined: 'payment_failed',
    cancelled: 'payment_failed',
  },
  confirmed: {},
  payment_failed: {},
}

/** The state that follows; `null` when the outcome means nothing in this state. */
export function nextState(state: OrderState, outcome: PaymentOutcome): OrderState | null {
  return ORDER_STATES[state][outcome] ?? null
}
