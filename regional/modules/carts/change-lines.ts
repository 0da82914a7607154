/** Sets and removes lines of a cart. */
import type { Cart, ChangeLines } from '../../../shared/contracts/carts.ts'
import { groupOf } from '../../../shared/principal.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { assertPayable, assertSellable, assertWithinLimits } from './limits.ts'
import { cartDocument, priceCart } from './priced-cart.ts'
import { lockOpenCart } from './queries.ts'
import { withLines, writeLines } from './write-lines.ts'

/**
 * Sets lines to quantities and removes others: all of it, or nothing. Removing what is not there is no fault, so a
 * repeat changes nothing.
 *
 * @throws {Problem} `cart.unknown`, `cart.closed`, `cart.too_many_lines`, `cart.quantity_exceeded` or
 *   `variant.unknown`.
 */
export async function changeLines(
  tx: Tx,
  actor: Actor,
  input: ChangeLines & { cartId: string },
): Promise<Cart> {
  const { set, remove } = input
  const cart = await lockOpenCart(tx, actor, input.cartId)
  const lines = withLines(cart.lines, set).filter((line) => !remove.includes(line.sku))
  assertWithinLimits(lines, cart.lines)
  const priced = await priceCart(tx, { ...cart, lines }, groupOf(actor.principal))
  assertSellable(set, priced, '/set')
  assertPayable(priced)
  await writeLines(tx, { cartId: cart.id, set, remove })
  return cartDocument(cart, priced)
}
