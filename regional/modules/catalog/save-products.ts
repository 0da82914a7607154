/** Saves whole products, many at a time: the one way by which their rows are written. */
import { sql } from 'drizzle-orm'
import type { Availability } from '../../../shared/contracts/fields.ts'
import { newGlobalId } from '../../../shared/ids.ts'
import { invalidField, Problem } from '../../../shared/problems.ts'
import { codeOf, constraintOf, type Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { openStock } from '../inventory/index.ts'
import type { ProductRecord, VariantRecord } from './product-record.ts'

/** A product as it is to be; stock decides what its variants show. */
export interface ProductToSave extends Omit<ProductRecord, 'variants' | 'categories'> {
  categoryIds: readonly string[]
  variants: readonly VariantRecord[]
}

const UNIQUE_VIOLATION = '23505'

/**
 * Creates these products, or replaces what is stored of them. A SKU that a product keeps keeps its
 * variant's id; every SKU gets a stock level; what is left out is removed.
 *
 * The caller has locked the products' rows, or holds the catalogue.
 *
 * @throws {Problem} `product.handle_taken` or `variant.sku_taken`, when another product has it.
 */
export async function saveProducts(
  tx: Tx,
  actor: Actor,
  products: readonly ProductToSave[],
): Promise<void> {
  const variants = products.flatMap((product) => product.variants)
  const availability = await openStock(tx, actor, variants)
  await tx
    .run(saveRows, { products: JSON.stringify(products.map(rowOf)) })
    .catch((error: unknown) => {
      throw handleTaken(error)
    })
  await tx.run(saveParts, { products: JSON.stringify(products.map(partsOf)) })
  const saved = await tx.run(saveVariants, {
    products: JSON.stringify(products.map((product) => variantsOf(product, availability))),
  })
  assertAllSaved(
    variants,
    saved.map((row) => row.sku),
  )
}

function handleTaken(error: unknown): unknown {
  const isHandle = codeOf(error) === UNIQUE_VIOLATION && constraintOf(error) === 'product_handle'
  return isHandle
    ? invalidField('body', '/handle', 'another product has it', 'product.handle_taken')
    : error
}

/**
 * A SKU of another product is left as it is by the statement, so it is missing from what was saved.
 */
function assertAllSaved(variants: readonly VariantRecord[], saved: readonly string[]): void {
  if (saved.length === variants.length) return
  const known = new Set(saved)
  const errors = variants.flatMap(({ sku }, index) =>
    known.has(sku)
      ? []
      : [
          {
            in: 'body' as const,
            pointer: `/variants/${index}/sku`,
            detail: 'another product has it',
          },
        ],
  )
  throw new Problem('variant.sku_taken', { errors })
}

function rowOf({ translations: _t, categoryIds: _c, variants: _v, ...row }: ProductToSave) {
  return row
}

function partsOf({ id, translations, categoryIds }: ProductToSave) {
  return { id, translations, categoryIds }
}

function variantsOf({ id, variants }: ProductToSave, states: Map<string, Availability>) {
  return {
    id,
    variants: variants.map(({ sku, options, prices }) => ({
      newId: newGlobalId('var'),
      sku,
      options,
      prices,
      availability: states.get(sku) ?? 'out_of_stock',
    })),
  }
}

type Values = { products: string }

const saveRows = statement<Values, unknown>(
  'products_save_rows',
  sql`
  insert into product
    (id, external_id, handle, status, brand, options, attributes, media, published_at)
  select id, "externalId", handle, status, brand, options, attributes, media,
    to_timestamp("publishedAtMs" / 1000.0)
  from json_to_recordset(${value('products')}::json) as given(id text, "externalId" text,
    handle text, status text, brand text, options jsonb, attributes jsonb, media jsonb,
    "publishedAtMs" bigint)
  order by handle
  on conflict (id) do update set external_id = excluded.external_id, handle = excluded.handle,
    status = excluded.status, brand = excluded.brand, options = excluded.options,
    attributes = excluded.attributes, media = excluded.media,
    published_at = excluded.published_at, updated_at = now()`,
)

const saveParts = statement<Values, unknown>(
  'products_save_parts',
  sql`
  with given as (
    select id, translations, "categoryIds"
    from json_to_recordset(${value('products')}::json)
      as given(id text, translations json, "categoryIds" json)
  ),
  translation as (
    select given.id, entry.key as locale, entry.value ->> 'name' as name,
      entry.value ->> 'description' as description
    from given cross join json_each(given.translations) entry
  ),
  membership as (
    select given.id, entry.value as category_id, entry.ordinality as position
    from given cross join json_array_elements_text(given."categoryIds") with ordinality entry
  ),
  gone_translation as (
    delete from product_translation old using given
    where old.product_id = given.id and not exists (select from translation
      where translation.id = old.product_id and translation.locale = old.locale)
  ),
  gone_membership as (
    delete from product_category old using given
    where old.product_id = given.id and not exists (select from membership
      where membership.id = old.product_id and membership.category_id = old.category_id)
  ),
  saved_translation as (
    insert into product_translation (product_id, locale, name, description)
    select id, locale, name, description from translation
    on conflict (product_id, locale) do update
      set name = excluded.name, description = excluded.description
      where (product_translation.name, product_translation.description)
        is distinct from (excluded.name, excluded.description)
  ),
  saved_membership as (
    insert into product_category (product_id, category_id, position)
    select id, category_id, position from membership
    on conflict (product_id, category_id) do update set position = excluded.position
      where product_category.position <> excluded.position
  )
  select 1`,
)

const saveVariants = statement<Values, { sku: string }>(
  'products_save_variants',
  sql`
  with given as (
    select product.id as product_id, entry.ordinality as position,
      entry.value ->> 'newId' as new_id, entry.value ->> 'sku' as sku,
      (entry.value -> 'options')::jsonb as options, entry.value -> 'prices' as prices,
      entry.value ->> 'availability' as availability
    from json_to_recordset(${value('products')}::json) as product(id text, variants json)
    cross join json_array_elements(product.variants) with ordinality entry
  ),
  amount as (
    select given.sku, entry.key as currency, entry.value::bigint as amount_minor
    from given cross join json_each_text(given.prices) entry
  ),
  gone_variant as (
    delete from variant old
    where old.product_id in (select product_id from given)
      and not exists (select from given where given.sku = old.sku)
  ),
  gone_price as (
    delete from price old using variant
    where old.variant_id = variant.id and variant.product_id in (select product_id from given)
      and not exists (select from amount
        where amount.sku = variant.sku and amount.currency = old.currency)
  ),
  saved_variant as (
    insert into variant (id, product_id, sku, options, position, availability)
    select new_id, product_id, sku, options, position, availability from given order by sku
    on conflict (sku) do update set options = excluded.options, position = excluded.position,
      availability = excluded.availability
      where variant.product_id = excluded.product_id
    returning id, sku
  ),
  saved_price as (
    insert into price (variant_id, currency, amount_minor)
    select saved_variant.id, amount.currency, amount.amount_minor
    from saved_variant join amount using (sku)
    on conflict (variant_id, currency) do update set amount_minor = excluded.amount_minor
      where price.amount_minor <> excluded.amount_minor
  )
  select sku from saved_variant`,
)
