/** Changes a category's names or position. */
import { isDeepStrictEqual } from 'node:util'
import { eq, sql } from 'drizzle-orm'
import type { StaffCategory, UpdateCategory } from '../../../shared/contracts/catalog.ts'
import { Problem } from '../../../shared/problems.ts'
import { actorName, assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { holdCatalogue } from './catalogue-lock.ts'
import { staffCategory } from './categories.ts'
import { category, categoryTranslation } from './schema.ts'
import { showProducts } from './show-products.ts'
import { tags } from './tags.ts'

/**
 * Replaces a category's names, moves it, or both. The products that show its name are shown anew. A
 * repeat changes nothing.
 *
 * @throws {Problem} `category.unknown`.
 */
export async function updateCategory(
  tx: Tx,
  actor: Actor,
  input: { categoryId: string; patch: UpdateCategory },
): Promise<StaffCategory> {
  assertScope(actor, 'catalogue:write')
  const { categoryId, patch } = input
  await holdCatalogue(tx)
  const current = await staffCategory(tx, categoryId)
  if (current === null) throw new Problem('category.unknown')
  const { translations = current.translations, position = current.position } = patch
  const isRenamed = !isDeepStrictEqual(translations, current.translations)
  if (!isRenamed && position === current.position) return current
  await tx.query.update(category).set({ position }).where(eq(category.id, categoryId))
  if (isRenamed) await rename(tx, categoryId, translations)
  tx.tag(tags.categories)
  tx.audit({
    actor: actorName(actor),
    action: 'category.updated',
    subject: categoryId,
    requestId: actor.requestId,
  })
  return (await staffCategory(tx, categoryId))!
}

async function rename(tx: Tx, id: string, translations: StaffCategory['translations']) {
  await tx.query.delete(categoryTranslation).where(eq(categoryTranslation.categoryId, id))
  const names = Object.entries(translations).map(([locale, { name }]) => ({
    categoryId: id,
    locale,
    name,
  }))
  await tx.query.insert(categoryTranslation).values(names)
  const members = await tx.run(selectMembers, { id })
  await showProducts(
    tx,
    members.map((member) => member.productId),
  )
}

const selectMembers = statement<{ id: string }, { productId: string }>(
  'category_members',
  sql`select membership.product_id as "productId"
    from product_category membership join product on product.id = membership.product_id
    where membership.category_id = ${value('id')} and product.status = 'published'
    order by membership.product_id`,
)
