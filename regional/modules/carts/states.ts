/** The states of a cart, and what may follow each. What is not here cannot happen. */
import type { StoredCart } from './queries.ts'

export type CartStatus = StoredCart['status']

export const CART_STATES: Readonly<Record<CartStatus, readonly CartStatus[]>> = {
  /** Ordered while its payment is asked for; merged into another one at its customer's sign-in. */
  open: ['placing', 'merged'],
  /** Merged when it was not paid and its customer has opened another one meanwhile. */
  placing: ['ordered', 'open', 'merged'],
  ordered: [],
  merged: [],
}
