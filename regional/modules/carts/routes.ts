/** The carts' endpoints. */
import { contracts } from '../../../shared/contracts/index.ts'
import { implement } from '../../platform/implement.ts'
import { addLines } from './add-lines.ts'
import { changeLines } from './change-lines.ts'
import { createCart } from './create-cart.ts'
import { cartDocument, priceCart } from './priced-cart.ts'
import { heldCart, openCartOf, visibleCart } from './queries.ts'
import { secretOf } from './secret.ts'

export const routes = implement(contracts.carts, ({ config }) => ({
  createCart: async ({ actor, market, locale, body, once }) => {
    const origin = { cell: config.CELL, cartKey: config.CART_KEY, market, locale }
    // The secret is added to the answer, first or repeated, and stored with neither.
    const cart = await once((tx) => createCart(tx, actor, origin, body))
    const isCustomers = actor.principal.kind === 'customer'
    return { cart, secret: isCustomers ? null : secretOf(config.CART_KEY, cart.id) }
  },
  getCart: async ({ db, actor, group, params }) => {
    const cart = await visibleCart(db, actor, params.cartId)
    return cartDocument(cart, await priceCart(db, cart, group))
  },
  getMyCart: async ({ db, actor, group }) => {
    const cart = await openCartOf(db, actor)
    return cartDocument(cart, await priceCart(db, cart, group))
  },
  addLines: ({ actor, params, body, once }) =>
    once(
      (tx) => addLines(tx, actor, { cartId: params.cartId, lines: body.lines }),
      (tx) => heldCart(tx, actor, params.cartId),
    ),
  changeLines: ({ db, actor, params, body }) =>
    db.inTransaction((tx) => changeLines(tx, actor, { cartId: params.cartId, ...body })),
}))
