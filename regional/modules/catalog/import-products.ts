/** Imports a batch of products by external id. */
import { sql } from 'drizzle-orm'
import { ImportRow } from '../../../shared/contracts/catalog.ts'
import { newGlobalId } from '../../../shared/ids.ts'
import { actorName, assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { holdCatalogue } from './catalogue-lock.ts'
import { isPublishable, productFaults } from './product-faults.ts'
import { type ProductToSave, saveProducts } from './save-products.ts'
import { showProducts } from './show-products.ts'

/** A row that was left out, by its place in the batch. The reason begins with a problem's code. */
export interface RejectedRow {
  index: number
  reason: string
}

export interface Imported {
  loaded: number
  rejected: RejectedRow[]
}

const REASON_LENGTH_MAX = 300

/**
 * Creates or replaces published products, found by external id. Rows are judged one by one, in
 * order: a bad one is named and left out, the rest land in this transaction with one tick.
 * Repeating a batch changes nothing.
 */
export async function importProducts(
  tx: Tx,
  actor: Actor,
  input: { rows: readonly unknown[]; now: Date },
): Promise<Imported> {
  assertScope(actor, 'catalogue:write')
  await holdCatalogue(tx)
  const read = input.rows.map(readRow)
  const taken = await takenBy(
    tx,
    read.flatMap((row) => (typeof row === 'string' ? [] : [row])),
  )
  const products: ProductToSave[] = []
  const rejected: RejectedRow[] = []
  const claims = new Set<string>()
  for (const [index, row] of read.entries()) {
    const reason = typeof row === 'string' ? row : refusalOf(row, taken, claims)
    if (typeof row === 'string' || reason !== null) {
      rejected.push({ index, reason: String(reason).slice(0, REASON_LENGTH_MAX) })
      continue
    }
    for (const claim of claimsOf(row)) claims.add(claim)
    products.push(productToSave(row, taken, input.now))
  }
  if (products.length > 0) await land(tx, actor, products)
  return { loaded: products.length, rejected }
}

async function land(tx: Tx, actor: Actor, products: readonly ProductToSave[]): Promise<void> {
  await saveProducts(tx, actor, products)
  await showProducts(
    tx,
    products.map((product) => product.id),
  )
  for (const { id } of products) {
    tx.audit({
      actor: actorName(actor),
      action: 'product.imported',
      subject: id,
      requestId: actor.requestId,
    })
  }
}

/** The row, or why it is not one. */
function readRow(row: unknown): ImportRow | string {
  const read = ImportRow.safeParse(row)
  if (!read.success) {
    const [issue] = read.error.issues
    return `request.invalid: /${issue!.path.join('/')} ${issue!.message}`
  }
  const [fault] = productFaults(read.data)
  if (fault !== undefined) return `request.invalid: ${fault.pointer} ${fault.detail}`
  if (!isPublishable(read.data)) return 'product.not_publishable: no variant has a price'
  return read.data
}

/** What the names in a batch stand for now. */
interface Taken {
  /** Product ids by external id, and what else is kept of those products. */
  products: Record<string, { id: string; publishedAtMs: number | null }>
  /** Product ids by handle and by SKU; category ids by handle. */
  handles: Record<string, string>
  skus: Record<string, string>
  categories: Record<string, string>
}

interface Names extends Record<string, unknown> {
  externalIds: string[]
  handles: string[]
  skus: string[]
  categories: string[]
}

const selectTaken = statement<Names, Taken>(
  'import_taken',
  sql`
  select
    coalesce((select json_object_agg(external_id, json_build_object('id', id, 'publishedAtMs',
        (extract(epoch from published_at) * 1000)::bigint))
      from product where external_id = any(${value('externalIds')}::text[])), '{}') as products,
    coalesce((select json_object_agg(handle, id)
      from product where handle = any(${value('handles')}::text[])), '{}') as handles,
    coalesce((select json_object_agg(sku, product_id)
      from variant where sku = any(${value('skus')}::text[])), '{}') as skus,
    coalesce((select json_object_agg(handle, id)
      from category where handle = any(${value('categories')}::text[])), '{}') as categories`,
)

async function takenBy(tx: Tx, rows: readonly ImportRow[]): Promise<Taken> {
  const [taken] = await tx.run(selectTaken, {
    externalIds: rows.map((row) => row.externalId),
    handles: rows.map((row) => row.handle),
    skus: rows.flatMap((row) => row.variants.map((variant) => variant.sku)),
    categories: [...new Set(rows.flatMap((row) => row.categories))],
  })
  return taken!
}

/**
 * Why a row cannot land, given what is stored and what the rows before it claim; `null` when it
 * can.
 */
function refusalOf(row: ImportRow, taken: Taken, claims: ReadonlySet<string>): string | null {
  const own = ownOf(taken.products, row.externalId)?.id
  const isOthers = (owner: string | undefined) => owner !== undefined && owner !== own
  const again = claimsOf(row).find((claim) => claims.has(claim))
  if (again !== undefined) return `request.invalid: ${again} is in the batch already`
  if (isOthers(ownOf(taken.handles, row.handle))) return `product.handle_taken: ${row.handle}`
  const sku = row.variants.find((variant) => isOthers(ownOf(taken.skus, variant.sku)))?.sku
  if (sku !== undefined) return `variant.sku_taken: ${sku}`
  const category = row.categories.find((handle) => ownOf(taken.categories, handle) === undefined)
  return category === undefined ? null : `category.unknown: ${category}`
}

function claimsOf(row: ImportRow): string[] {
  return [
    `externalId ${row.externalId}`,
    `handle ${row.handle}`,
    ...row.variants.map((variant) => `sku ${variant.sku}`),
  ]
}

function productToSave(row: ImportRow, taken: Taken, now: Date): ProductToSave {
  const { categories, ...fields } = row
  const known = ownOf(taken.products, row.externalId)
  return {
    ...fields,
    id: known?.id ?? newGlobalId('prod'),
    status: 'published',
    publishedAtMs: known?.publishedAtMs ?? now.getTime(),
    categoryIds: categories.map((handle) => taken.categories[handle]!),
  }
}

/** A caller's text never reaches what every object inherits. */
function ownOf<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}
