/** Adds units to a cart. */
import type { Cart } from '../../../shared/contracts/carts.ts'
import { groupOf } from '../../../shared/principal.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { assertPayable, assertSellable, assertWithinLimits } from './limits.ts'
import { cartDocument, priceCart } from './priced-cart.ts'
import { lockOpenCart, type StoredLine } from './queries.ts'
import { withLines, writeLines } from './write-lines.ts'

/**
 * Adds units on top of what the cart holds: all of the lines, or none. Stock is not reserved; it is taken by the order.
 *
 * @throws {Problem} `cart.unknown`, `cart.closed`, `cart.too_many_lines`, `cart.quantity_exceeded` or
 *   `variant.unknown`.
 */
export async function addLines(
  tx: Tx,
  actor: Actor,
  input: { cartId: string; lines: readonly StoredLine[] },
): Promise<Cart> {
  const cart = await lockOpenCart(tx, actor, input.cartId)
  const held = new Map(cart.lines.map((line) => [line.sku, line.quantity]))
  const set = input.lines.map(({ sku, quantity }) => ({
    sku,
    quantity: (held.get(sku) ?? 0) + quantity,
  }))
  const lines = withLines(cart.lines, set)
  assertWithinLimits(lines, cart.lines)
  const priced = await priceCart(tx, { ...cart, lines }, groupOf(actor.principal))
  assertSellable(input.lines, priced, '/lines')
  assertPayable(priced)
  await writeLines(tx, { cartId: cart.id, set, remove: [] })
  return cartDocument(cart, priced)
}
