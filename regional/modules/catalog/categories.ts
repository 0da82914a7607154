/** Categories as staff see them, and their ids by handle. */
import { sql } from 'drizzle-orm'
import type { StaffCategory } from '../../../shared/contracts/catalog.ts'
import { Problem } from '../../../shared/problems.ts'
import type { Runner } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'

const selectIds = statement<{ handles: string[] }, { id: string; handle: string }>(
  'category_ids',
  sql`select id, handle from category where handle = any(${value('handles')}::text[])`,
)

/** Ids by handle; an unknown handle is absent. A handle, once given, never changes or goes away. */
export async function categoryIds(
  runner: Runner,
  handles: readonly string[],
): Promise<Map<string, string>> {
  if (handles.length === 0) return new Map()
  const rows = await runner.run(selectIds, { handles: [...handles] })
  return new Map(rows.map((row) => [row.handle, row.id]))
}

/**
 * The ids of these handles, in their order.
 *
 * @throws {Problem} `category.unknown`, naming each handle at fault.
 */
export async function knownCategoryIds(
  runner: Runner,
  handles: readonly string[],
): Promise<string[]> {
  const ids = await categoryIds(runner, handles)
  const errors = handles.flatMap((handle, index) =>
    ids.has(handle)
      ? []
      : [{ in: 'body' as const, pointer: `/categories/${index}`, detail: 'is not a category' }],
  )
  if (errors.length > 0) throw new Problem('category.unknown', { errors })
  return handles.map((handle) => ids.get(handle)!)
}

const selectStaffCategory = statement<{ id: string }, StaffCategory>(
  'staff_category',
  sql`
  select category.id, category.handle, parent.handle as "parentHandle", category.position,
    (select json_object_agg(name.locale, json_build_object('name', name.name) order by name.locale)
      from category_translation name where name.category_id = category.id) as translations
  from category left join category parent on parent.id = category.parent_id
  where category.id = ${value('id')}`,
)

export async function staffCategory(runner: Runner, id: string): Promise<StaffCategory | null> {
  const [category] = await runner.run(selectStaffCategory, { id })
  return category ?? null
}
