/** Price lists as staff see them, and as products are rendered with them. */
import { sql } from 'drizzle-orm'
import type { ListedVariant, PriceList } from '../../../shared/contracts/price-lists.ts'
import { Problem } from '../../../shared/problems.ts'
import { assertScope } from '../../platform/access.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { pageOf } from '../../platform/page.ts'
import { statement, value } from '../../platform/statement.ts'
import type { ProductPriceList } from './price-phases.ts'
import { instantText } from './validity.ts'

/** How many lists that have not ended may name one product: what it is rendered in is bounded by them. */
export const LISTS_OF_PRODUCT_MAX = 20

const columns = sql`list.id, list.handle, list.name, list.customer_group as "customerGroup",
  ${instantText(sql`list.starts_at`)} as "startsAt", ${instantText(sql`list.ends_at`)} as "endsAt",
  list.priority`

const selectList = statement<{ id: string }, PriceList>(
  'price_list_by_id',
  sql`select ${columns} from price_list list where list.id = ${value('id')}`,
)

/** @throws {Problem} `pricelist.unknown`. */
export async function knownPriceList(runner: Runner, id: string): Promise<PriceList> {
  const [list] = await runner.run(selectList, { id })
  if (list === undefined) throw new Problem('pricelist.unknown')
  return list
}

const selectPage = statement<{ after: string; limit: number }, PriceList>(
  'price_list_page',
  sql`select ${columns} from price_list list where list.handle > ${value('after')}
    order by list.handle limit ${value('limit')}::int + 1`,
)

interface PageRequest<Key> {
  limit: number
  after?: Key | undefined
}

/** A page of price lists, by handle. */
export async function priceListPage(
  runner: Runner,
  actor: Actor,
  { limit, after = '' }: PageRequest<string>,
): Promise<{ items: PriceList[]; next: string | null }> {
  assertScope(actor, 'catalogue:read')
  const rows = await runner.run(selectPage, { limit, after })
  return pageOf(rows, limit, (list) => list.handle)
}

const selectListed = statement<{ id: string; after: string; limit: number }, ListedVariant>(
  'price_list_prices',
  sql`
  select variant.sku, json_object_agg(listed.currency, listed.amount_minor
    order by listed.currency) as prices
  from price_list_price listed join variant on variant.id = listed.variant_id
  where listed.list_id = ${value('id')} and variant.sku > ${value('after')}
  group by variant.sku order by variant.sku limit ${value('limit')}::int + 1`,
)

/**
 * One price list with a page of its prices, by SKU.
 *
 * @throws {Problem} `pricelist.unknown`.
 */
export async function priceListWithPrices(
  runner: Runner,
  actor: Actor,
  { id, limit, after = '' }: PageRequest<string> & { id: string },
): Promise<{ list: PriceList; items: ListedVariant[]; next: string | null }> {
  assertScope(actor, 'catalogue:read')
  const list = await knownPriceList(runner, id)
  const rows = await runner.run(selectListed, { id, limit, after })
  return { list, ...pageOf(rows, limit, (variant) => variant.sku) }
}

/** Lists that have ended say nothing any more; one that has begun is as one that always applied. */
const selectOfProducts = statement<{ ids: string[] }, ProductPriceList & { productId: string }>(
  'price_lists_of_products',
  sql`
  select variant.product_id as "productId", list.customer_group as "customerGroup",
    list.priority,
    case when list.starts_at > now() then ${instantText(sql`list.starts_at`)} end as "startsAt",
    ${instantText(sql`list.ends_at`)} as "endsAt",
    json_object_agg(variant.sku, listed.prices) as prices
  from variant
  join lateral (
    select named.list_id, json_object_agg(named.currency, named.amount_minor) as prices
    from price_list_price named where named.variant_id = variant.id group by named.list_id
  ) listed on true
  join price_list list on list.id = listed.list_id
  where variant.product_id = any(${value('ids')}::text[])
    and (list.ends_at is null or list.ends_at > now())
  group by variant.product_id, list.id`,
)

/** What the lists that apply now or later say of these products, by product. */
export async function priceListsOf(
  runner: Runner,
  ids: readonly string[],
): Promise<Map<string, ProductPriceList[]>> {
  const rows = await runner.run(selectOfProducts, { ids: [...ids] })
  return Map.groupBy(rows, (row) => row.productId)
}

const selectNamed = statement<{ id: string }, { productId: string }>(
  'price_list_products',
  sql`
  select distinct variant.product_id as "productId"
  from price_list_price listed join variant on variant.id = listed.variant_id
  where listed.list_id = ${value('id')} order by variant.product_id`,
)

/** The products that a list names, ordered by id. */
export async function productsNamedBy(tx: Tx, id: string): Promise<string[]> {
  const named = await tx.run(selectNamed, { id })
  return named.map(({ productId }) => productId)
}

const selectMostLists = statement<{ ids: string[] }, { lists: number | null }>(
  'price_lists_most',
  sql`
  select max(named.lists) as lists from (
    select count(distinct list.id)::int as lists
    from variant
    join price_list_price listed on listed.variant_id = variant.id
    join price_list list on list.id = listed.list_id
    where variant.product_id = any(${value('ids')}::text[])
      and (list.ends_at is null or list.ends_at > now())
    group by variant.product_id
  ) named`,
)

/** @throws {Problem} `pricelist.too_many` when more lists than may be name one of these products. */
export async function assertFewLists(tx: Tx, ids: readonly string[]): Promise<void> {
  const [most] = await tx.run(selectMostLists, { ids: [...ids] })
  if ((most?.lists ?? 0) <= LISTS_OF_PRODUCT_MAX) return
  const detail = `At most ${LISTS_OF_PRODUCT_MAX} lists that have not ended may name one product.`
  throw new Problem('pricelist.too_many', { detail })
}
