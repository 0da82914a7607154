/** Revises one product: locks it, saves what it is to be, shows it, and leaves the audit row. */
import { sql } from 'drizzle-orm'
import type { StaffProduct } from '../../../shared/contracts/catalog.ts'
import { Problem } from '../../../shared/problems.ts'
import { actorName } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { shareCatalogue } from './catalogue-lock.ts'
import { isPublishable } from './product-faults.ts'
import { type ProductRecord, productRecord, staffProductOf } from './product-record.ts'
import { type ProductToSave, saveProducts } from './save-products.ts'
import { showProducts } from './show-products.ts'

/**
 * Runs `revise` on the locked product and makes what it returns so.
 *
 * @param revise returns `null` to change nothing, not even the audit log.
 * @throws {Problem} `product.unknown`, or `product.not_publishable` when a published product
 *   would have nothing to sell.
 */
export async function reviseProduct(
  tx: Tx,
  actor: Actor,
  revision: {
    productId: string
    action: string
    revise: (current: ProductRecord) => ProductToSave | null
  },
): Promise<StaffProduct> {
  const { productId, action, revise } = revision
  await shareCatalogue(tx)
  await tx.run(lockById, { id: productId })
  const current = await productRecord(tx, productId)
  if (current === null) throw new Problem('product.unknown')
  const revised = revise(current)
  if (revised === null) return staffProductOf(current)
  await makeSo(tx, actor, revised)
  tx.audit({
    actor: actorName(actor),
    action,
    subject: productId,
    requestId: actor.requestId,
  })
  return staffProductOf((await productRecord(tx, productId))!)
}

async function makeSo(tx: Tx, actor: Actor, product: ProductToSave): Promise<void> {
  if (product.status === 'published' && !isPublishable(product)) {
    throw new Problem('product.not_publishable', { detail: 'No variant has a price.' })
  }
  await saveProducts(tx, actor, [product])
  await showProducts(tx, [product.id])
}

/** The product as it is, for a revision to differ from. */
export function asItIs({ categories, ...product }: ProductRecord): ProductToSave {
  return { ...product, categoryIds: categories.map((category) => category.id) }
}

const lockById = statement<{ id: string }, unknown>(
  'product_lock',
  sql`select id from product where id = ${value('id')} for update`,
)

const lockBySku = statement<{ sku: string }, { id: string }>(
  'product_lock_by_sku',
  sql`select product.id from product join variant on variant.product_id = product.id
    where variant.sku = ${value('sku')} for update of product`,
)

/** Locks the product that has a SKU. `null` when none has it. */
export async function lockProductOf(tx: Tx, sku: string): Promise<string | null> {
  await shareCatalogue(tx)
  const [product] = await tx.run(lockBySku, { sku })
  return product?.id ?? null
}
