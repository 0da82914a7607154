/** The facts orders publish. */
import type { Order } from '../../../shared/contracts/orders.ts'
import type { DomainEvent } from '../../platform/database.ts'

/** Agreed, its stock taken, its payment asked for. */
export function orderPlaced({ id, cartId, totals }: Order): DomainEvent {
  const { currency, totalMinor } = totals
  return { type: 'order.placed', subject: id, payload: { cartId, currency, totalMinor } }
}

/** `order.confirmed` when it was paid, `order.payment_failed` when it was not. */
export function orderSettled({ id, cartId, state }: Order): DomainEvent {
  const type = state === 'confirmed' ? 'order.confirmed' : 'order.payment_failed'
  return { type, subject: id, payload: { cartId } }
}
