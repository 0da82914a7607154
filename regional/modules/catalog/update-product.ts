/** Changes a product. */
import type { StaffProduct, UpdateProduct } from '../../../shared/contracts/catalog.ts'
import { assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { knownCategoryIds } from './categories.ts'
import { assertSound } from './product-faults.ts'
import type { ProductRecord } from './product-record.ts'
import { asItIs, reviseProduct } from './revise-product.ts'
import type { ProductToSave } from './save-products.ts'

/**
 * Changes the fields named and leaves the rest. A published product is shown anew at once; a
 * variant that is left out can no longer be bought.
 *
 * @throws {Problem} `product.unknown`, `category.unknown`, `product.handle_taken`,
 *   `variant.sku_taken`, `product.not_publishable`, or `request.invalid` when options and variants
 *   do not fit afterwards.
 */
export async function updateProduct(
  tx: Tx,
  actor: Actor,
  input: { productId: string; patch: UpdateProduct },
): Promise<StaffProduct> {
  assertScope(actor, 'catalogue:write')
  const { productId, patch } = input
  const categoryIds = patch.categories && (await knownCategoryIds(tx, patch.categories))
  return await reviseProduct(tx, actor, {
    productId,
    action: 'product.updated',
    revise: (current) => revised(current, patch, categoryIds),
  })
}

function revised(
  current: ProductRecord,
  patch: UpdateProduct,
  categoryIds: string[] | undefined,
): ProductToSave {
  const { categories = current.categories.map(({ handle }) => handle), ...fields } = patch
  const { options = current.options, variants = current.variants } = fields
  assertSound({ categories, options, variants })
  const given = Object.fromEntries(
    Object.entries(fields).filter(([, field]) => field !== undefined),
  ) as Partial<ProductToSave>
  const before = asItIs(current)
  return { ...before, ...given, categoryIds: categoryIds ?? before.categoryIds }
}
