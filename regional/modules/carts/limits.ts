/** What a cart may hold. */
import { CART_LINES_MAX, LINE_QUANTITY_MAX } from '../../../shared/contracts/carts.ts'
import { AMOUNT_MINOR_MAX } from '../../../shared/money.ts'
import { invalidField, Problem } from '../../../shared/problems.ts'
import type { PricedCart } from './priced-cart.ts'
import type { StoredLine } from './queries.ts'

/**
 * A cart that took another one in may hold more lines than may be added to, and lines may still be taken out of it.
 *
 * @param before the lines it had.
 * @throws {Problem} `cart.too_many_lines`, or `cart.quantity_exceeded` naming the SKUs.
 */
export function assertWithinLimits(
  lines: readonly StoredLine[],
  before: readonly StoredLine[],
): void {
  if (lines.length > Math.max(CART_LINES_MAX, before.length)) {
    throw new Problem('cart.too_many_lines', {
      detail: `A cart has at most ${CART_LINES_MAX} lines.`,
    })
  }
  const over = lines.filter((line) => line.quantity > LINE_QUANTITY_MAX).map((line) => line.sku)
  if (over.length > 0) {
    throw new Problem('cart.quantity_exceeded', {
      detail: `A line has at most ${LINE_QUANTITY_MAX} units.`,
      extensions: { skus: over },
    })
  }
}

/** @throws {Problem} `cart.quantity_exceeded` past the amount that an order may have. */
export function assertPayable({ totals }: PricedCart): void {
  if (totals.subtotalMinor + totals.taxMinor > AMOUNT_MINOR_MAX) {
    throw new Problem('cart.quantity_exceeded', {
      detail: 'The total is more than one order may have.',
    })
  }
}

/** @throws {Problem} `variant.unknown`, naming the first of the named lines that cannot be sold. */
export function assertSellable(
  named: readonly StoredLine[],
  priced: PricedCart,
  pointer: '/lines' | '/set',
): void {
  const index = named.findIndex((line) => priced.unavailable.includes(line.sku))
  if (index === -1) return
  throw invalidField('body', `${pointer}/${index}/sku`, 'is not sold here', 'variant.unknown')
}
