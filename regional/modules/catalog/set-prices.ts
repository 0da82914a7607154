/** Sets a variant's prices. */
import type { StaffProduct } from '../../../shared/contracts/catalog.ts'
import type { Currency } from '../../../shared/money.ts'
import { Problem } from '../../../shared/problems.ts'
import { assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { asItIs, lockProductOf, reviseProduct } from './revise-product.ts'

/**
 * Sets the prices in the currencies named; the others stay.
 *
 * @throws {Problem} `variant.unknown`.
 */
export async function setPrices(
  tx: Tx,
  actor: Actor,
  input: { sku: string; prices: Partial<Record<Currency, number>> },
): Promise<StaffProduct> {
  assertScope(actor, 'catalogue:write')
  const { sku, prices } = input
  const productId = await lockProductOf(tx, sku)
  if (productId === null) throw new Problem('variant.unknown')
  return await reviseProduct(tx, actor, {
    productId,
    action: 'prices.set',
    revise: (current) => {
      const variant = current.variants.find((candidate) => candidate.sku === sku)
      // Removed by whoever held the product until now.
      if (variant === undefined) throw new Problem('variant.unknown')
      const priced = { ...variant, prices: { ...variant.prices, ...prices } }
      const variants = current.variants.map((other) => (other === variant ? priced : other))
      return { ...asItIs(current), variants }
    },
  })
}
