/** Writes a cart's lines, in one statement. */
import { sql } from 'drizzle-orm'
import type { Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import type { StoredLine } from './queries.ts'

interface Values extends Record<string, unknown> {
  id: string
  skus: string[]
  quantities: number[]
  removed: string[]
}

const write = statement<Values, unknown>(
  'cart_write_lines',
  sql`
  with changed as (
    update cart set version = version + 1, updated_at = now() where id = ${value('id')}
  ),
  removed as (
    delete from cart_line
    where cart_id = ${value('id')} and sku = any(${value('removed')}::text[])
  )
  insert into cart_line (cart_id, sku, quantity)
  select ${value('id')}, line.sku, line.quantity
  from unnest(${value('skus')}::text[], ${value('quantities')}::int[]) as line(sku, quantity)
  on conflict (cart_id, sku) do update set quantity = excluded.quantity`,
)

/** Sets and removes lines of a cart that the caller has locked. No SKU may be both set and removed. */
export async function writeLines(
  tx: Tx,
  change: { cartId: string; set: readonly StoredLine[]; remove: readonly string[] },
): Promise<void> {
  await tx.run(write, {
    id: change.cartId,
    skus: change.set.map((line) => line.sku),
    quantities: change.set.map((line) => line.quantity),
    removed: [...change.remove],
  })
}

/** Lines with some of them set: a known SKU keeps its place, a new one comes last. */
export function withLines(lines: readonly StoredLine[], set: readonly StoredLine[]): StoredLine[] {
  const quantities = new Map(lines.map((line) => [line.sku, line.quantity]))
  for (const { sku, quantity } of set) quantities.set(sku, quantity)
  return [...quantities].map(([sku, quantity]) => ({ sku, quantity }))
}
