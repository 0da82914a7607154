/** Creates a category. */
import type { CreateCategory, StaffCategory } from '../../../shared/contracts/catalog.ts'
import { newGlobalId } from '../../../shared/ids.ts'
import { invalidField } from '../../../shared/problems.ts'
import { actorName, assertScope } from '../../platform/access.ts'
import { codeOf, constraintOf, type Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { categoryIds, staffCategory } from './categories.ts'
import { category, categoryTranslation } from './schema.ts'
import { tags } from './tags.ts'

const UNIQUE_VIOLATION = '23505'

/**
 * Creates a category, beneath its parent if it names one.
 *
 * @throws {Problem} `category.handle_taken`, or `category.unknown` for the parent.
 */
export async function createCategory(
  tx: Tx,
  actor: Actor,
  input: CreateCategory,
): Promise<StaffCategory> {
  assertScope(actor, 'catalogue:write')
  const { handle, parentHandle, position, translations } = input
  const parentId = parentHandle === null ? null : await parentIdOf(tx, parentHandle)
  const id = newGlobalId('cat')
  await tx.query
    .insert(category)
    .values({ id, handle, parentId, position })
    .catch((error: unknown) => {
      throw handleTaken(error)
    })
  const names = Object.entries(translations).map(([locale, { name }]) => ({
    categoryId: id,
    locale,
    name,
  }))
  await tx.query.insert(categoryTranslation).values(names)
  tx.tag(tags.categories)
  tx.audit({
    actor: actorName(actor),
    action: 'category.created',
    subject: id,
    requestId: actor.requestId,
  })
  return (await staffCategory(tx, id))!
}

async function parentIdOf(tx: Tx, handle: string): Promise<string> {
  const parentId = (await categoryIds(tx, [handle])).get(handle)
  if (parentId !== undefined) return parentId
  throw invalidField('body', '/parentHandle', 'is not a category', 'category.unknown')
}

function handleTaken(error: unknown): unknown {
  const isHandle = codeOf(error) === UNIQUE_VIOLATION && constraintOf(error) === 'category_handle'
  return isHandle
    ? invalidField('body', '/handle', 'another category has it', 'category.handle_taken')
    : error
}
