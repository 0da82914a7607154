/** What the database itself holds, read past every cache. */
import type { Postgres } from './postgres.ts'
import {
  CATEGORIES,
  type CategoryHandle,
  categoryThing,
  numberIn,
  type ProductState,
  priceNumberOf,
  type State,
  WARES,
} from './shop.ts'
import type { Ids } from './writes.ts'

interface ProductRow {
  sku: string
  id: string
  status: string
  handle: string
  category: CategoryHandle
  name: string
  amountMinor: string
}

const SELECT_PRODUCTS = `
  select variant.sku, product.id, product.status, product.handle, category.handle as category,
    product_translation.name, price.amount_minor as "amountMinor"
  from product
  join variant on variant.product_id = product.id
  join price on price.variant_id = variant.id and price.currency = 'EUR'
  join product_translation on product_translation.product_id = product.id
  join product_category on product_category.product_id = product.id
  join category on category.id = product_category.category_id`

const SELECT_CATEGORIES = `
  select category.handle, category.id, category_translation.name
  from category join category_translation on category_translation.category_id = category.id`

export interface TruthInDatabase {
  readonly states: ReadonlyMap<string, State>
  readonly ids: Ids
}

/** @throws {Error} when something of the shop is not there. */
export async function truthInDatabase(
  postgres: Postgres,
  database: string,
): Promise<TruthInDatabase> {
  const states = new Map<string, State>()
  const ids = new Map<string, string>()
  const products = await postgres.query<ProductRow>(database, SELECT_PRODUCTS)
  for (const { thing, sku } of WARES) {
    const row = products.find((each) => each.sku === sku)
    if (row === undefined) throw new Error(`the database lacks ${thing}`)
    const state: ProductState = {
      kind: 'product',
      isShown: row.status === 'published',
      handle: row.handle,
      category: row.category,
      name: numberIn(row.name),
      price: priceNumberOf(Number(row.amountMinor)),
    }
    states.set(thing, state)
    ids.set(thing, row.id)
  }
  const categories = await postgres.query<{ handle: string; id: string; name: string }>(
    database,
    SELECT_CATEGORIES,
  )
  for (const handle of CATEGORIES) {
    const row = categories.find((each) => each.handle === handle)
    if (row === undefined) throw new Error(`the database lacks the category ${handle}`)
    states.set(categoryThing(handle), { kind: 'category', name: numberIn(row.name) })
    ids.set(categoryThing(handle), row.id)
  }
  return { states, ids }
}
