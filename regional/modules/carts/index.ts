/** The carts' door: what a shopper means to buy, and who holds it. */
import type { Module } from '../../platform/implement.ts'
import { routes } from './routes.ts'

export { mergeCart } from './merge-cart.ts'
export { type CustomerCart, cartsOf, eraseCarts } from './personal-data.ts'
export { type PricedCart, priceCart } from './priced-cart.ts'
export { heldCart, lockOpenCart, type StoredCart } from './queries.ts'
export { reopenCart } from './reopen-cart.ts'
export { closeCart, endPlacing } from './status-clauses.ts'

export const carts: Module = { name: 'carts', routes, reactions: [], jobs: [] }
