/** A product as its tables hold it, whole: what staff edit and what pages are rendered from. */
import { sql } from 'drizzle-orm'
import type { ProductStatus, StaffProduct } from '../../../shared/contracts/catalog.ts'
import type { Availability } from '../../../shared/contracts/fields.ts'
import type { Currency } from '../../../shared/money.ts'
import type { Runner } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'

export interface VariantRecord {
  sku: string
  options: Record<string, string>
  prices: Partial<Record<Currency, number>>
  /** Opening stock, of a variant that is about to be created. */
  available?: number | undefined
}

export interface CategoryOfProduct {
  id: string
  handle: string
  /** Names by locale. */
  names: Record<string, string>
}

export interface ProductRecord {
  id: string
  externalId: string | null
  handle: string
  status: ProductStatus
  /** When it was first published; it keeps its place among the newest. */
  publishedAtMs: number | null
  brand: string | null
  translations: Record<string, { name: string; description: string }>
  categories: CategoryOfProduct[]
  options: { name: string; values: string[] }[]
  attributes: Record<string, string | number | boolean>
  media: { url: string; alt: string }[]
  variants: (VariantRecord & { availability: Availability })[]
}

const selectProducts = statement<{ ids: string[] }, ProductRecord>(
  'products_whole',
  sql`
  select product.id, product.external_id as "externalId", product.handle, product.status,
    (extract(epoch from product.published_at) * 1000)::bigint as "publishedAtMs",
    product.brand, product.options, product.attributes, product.media,
    (select json_object_agg(translation.locale,
        json_build_object('name', translation.name, 'description', translation.description)
        order by translation.locale)
      from product_translation translation where translation.product_id = product.id
    ) as translations,
    coalesce((select json_agg(json_build_object('id', category.id, 'handle', category.handle,
        'names', (select json_object_agg(name.locale, name.name order by name.locale)
          from category_translation name where name.category_id = category.id))
        order by membership.position)
      from product_category membership
      join category on category.id = membership.category_id
      where membership.product_id = product.id), '[]') as categories,
    coalesce((select json_agg(json_build_object('sku', variant.sku, 'options', variant.options,
        'availability', variant.availability,
        'prices', coalesce((select json_object_agg(price.currency, price.amount_minor
            order by price.currency)
          from price where price.variant_id = variant.id), '{}'))
        order by variant.position)
      from variant where variant.product_id = product.id), '[]') as variants
  from product where product.id = any(${value('ids')}::text[])
  order by product.id`,
)

/** The products that exist among these ids, ordered by id. */
export async function productRecords(
  runner: Runner,
  ids: readonly string[],
): Promise<ProductRecord[]> {
  return await runner.run(selectProducts, { ids: [...ids] })
}

export async function productRecord(runner: Runner, id: string): Promise<ProductRecord | null> {
  const [record] = await productRecords(runner, [id])
  return record ?? null
}

/** What staff are shown of it. */
export function staffProductOf(record: ProductRecord): StaffProduct {
  const { publishedAtMs: _, categories, variants, ...product } = record
  return {
    ...product,
    categories: categories.map((category) => category.handle),
    variants: variants.map(({ sku, options, prices }) => ({ sku, options, prices })),
  }
}
