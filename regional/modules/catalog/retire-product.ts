/** Takes a product out of sale. */
import type { StaffProduct } from '../../../shared/contracts/catalog.ts'
import { Problem } from '../../../shared/problems.ts'
import { assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { asItIs, reviseProduct } from './revise-product.ts'

/**
 * Hides a published product from shoppers and keeps all of it. Repeating it changes nothing.
 *
 * @throws {Problem} `product.unknown`, or `product.state_conflict` for a draft.
 */
export async function retireProduct(
  tx: Tx,
  actor: Actor,
  input: { productId: string },
): Promise<StaffProduct> {
  assertScope(actor, 'catalogue:write')
  return await reviseProduct(tx, actor, {
    productId: input.productId,
    action: 'product.retired',
    revise: (current) => {
      if (current.status === 'retired') return null
      if (current.status === 'draft') {
        throw new Problem('product.state_conflict', { detail: 'A draft was never in sale.' })
      }
      return { ...asItIs(current), status: 'retired' }
    },
  })
}
