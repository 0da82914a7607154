/** Publishes a product. */
import type { StaffProduct } from '../../../shared/contracts/catalog.ts'
import { assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { asItIs, reviseProduct } from './revise-product.ts'

/**
 * Shows a draft or retired product to shoppers, in every market that has a price for it. One that
 * was published before returns to its old place among the newest. Repeating it changes nothing.
 *
 * @throws {Problem} `product.unknown`, or `product.not_publishable` without a priced variant.
 */
export async function publishProduct(
  tx: Tx,
  actor: Actor,
  input: { productId: string; now: Date },
): Promise<StaffProduct> {
  assertScope(actor, 'catalogue:write')
  const { productId, now } = input
  return await reviseProduct(tx, actor, {
    productId,
    action: 'product.published',
    revise: (current) => {
      if (current.status === 'published') return null
      const publishedAtMs = current.publishedAtMs ?? now.getTime()
      return { ...asItIs(current), status: 'published', publishedAtMs }
    },
  })
}
