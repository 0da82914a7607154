/** Creates a product. */
import type { CreateProduct, StaffProduct } from '../../../shared/contracts/catalog.ts'
import { newGlobalId } from '../../../shared/ids.ts'
import { actorName, assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { shareCatalogue } from './catalogue-lock.ts'
import { knownCategoryIds } from './categories.ts'
import { assertSound } from './product-faults.ts'
import { productRecord, staffProductOf } from './product-record.ts'
import { saveProducts } from './save-products.ts'

/**
 * Creates a product as a draft, which no shopper sees, and opens the stock of its variants.
 *
 * @throws {Problem} `category.unknown`, `product.handle_taken`, `variant.sku_taken`, or
 *   `request.invalid` when its options and variants do not fit.
 */
export async function createProduct(
  tx: Tx,
  actor: Actor,
  input: CreateProduct,
): Promise<StaffProduct> {
  assertScope(actor, 'catalogue:write')
  assertSound(input)
  await shareCatalogue(tx)
  const { categories, ...fields } = input
  const id = newGlobalId('prod')
  const product = {
    ...fields,
    id,
    externalId: null,
    status: 'draft' as const,
    publishedAtMs: null,
    categoryIds: await knownCategoryIds(tx, categories),
  }
  await saveProducts(tx, actor, [product])
  tx.audit({
    actor: actorName(actor),
    action: 'product.created',
    subject: id,
    requestId: actor.requestId,
  })
  return staffProductOf((await productRecord(tx, id))!)
}
