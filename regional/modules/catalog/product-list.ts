/** Pages of products: one statement a page, from rows sorted when they were written. */
import { type SQL, sql } from 'drizzle-orm'
import type { ProductSort } from '../../../shared/contracts/catalog.ts'
import { invalidField } from '../../../shared/problems.ts'
import { stampColumns } from '../../platform/feed.ts'
import type { Snapshot } from '../../platform/implement.ts'
import type { Snapshots } from '../../platform/snapshots.ts'
import { statement, value } from '../../platform/statement.ts'
import {
  type Asked,
  type AskedRow,
  type AskedValues,
  askedValues,
  joinAsked,
  snapshotOf,
  unknownMarketOf,
} from './asked-market.ts'
import { type Cursor, formatCursor, parseCursor } from './cursor.ts'
import { tags } from './tags.ts'
import { isShownNow, secondsUntil } from './validity.ts'

export interface AskedPage extends Asked {
  query: Asked['query'] & {
    category?: string | undefined
    sort: ProductSort
    limit: number
    after?: string | undefined
  }
}

/**
 * A page of the products shown in a market, of one category or of all. Pages are cut by key, so a
 * product that comes or goes moves no other from one page to the next.
 *
 * @throws {Problem} `request.invalid` for a cursor that is none.
 */
export async function productPage(snapshots: Snapshots, asked: AskedPage): Promise<Snapshot> {
  const { category, sort, limit, after } = asked.query
  const cursor = after === undefined ? FIRST[sort] : placeOf(parseCursor(after, sort))
  const values = { ...askedValues(asked), ...cursor, category: category ?? '', limit }
  const statements = asked.group === null ? pageStatements : groupPageStatements
  const row = await snapshots.row(statements[sort], values)
  const unknown = unknownMarketOf(row, asked)
  if (unknown !== null) return snapshotOf(row, { problem: unknown, tags: [] })
  if (!row.isKnown) {
    const problem = invalidField('query', '/category', 'is not a category', 'category.unknown')
    return snapshotOf(row, { problem, tags: [tags.categories] })
  }
  const ids = row.ids === null ? [] : row.ids.split(' ')
  const list = category === undefined ? tags.products : tags.category(category)
  return snapshotOf(row, {
    body: `{"items":[${row.cards ?? ''}],"next":${JSON.stringify(nextOf(row, sort, ids))}}`,
    lifeSeconds: row.lifeSeconds,
    tags: [list, ...ids.map(tags.product)],
  })
}

interface PageValues extends AskedValues {
  category: string
  key: string
  id: string
  limit: number
}

interface PageRow extends AskedRow {
  isKnown: boolean
  /** The cards' JSON, separated by commas; null on an empty page, like the ids. */
  cards: string | null
  ids: string | null
  /** The sort key of the page's last product. */
  lastKey: string | number | null
  hasMore: boolean
  /** Up to when nothing in the whole list changes by itself: a price may move a product anywhere. */
  lifeSeconds: number | null
}

function nextOf(row: PageRow, sort: ProductSort, ids: readonly string[]): string | null {
  if (!row.hasMore) return null
  return formatCursor({ sort, key: row.lastKey!, id: ids.at(-1)! })
}

/** Before the first product of each sort. */
const FIRST: Record<ProductSort, { key: string; id: string }> = {
  newest: { key: 'infinity', id: '' },
  name: { key: '', id: '' },
  price: { key: '-1', id: '' },
  '-price': { key: '9223372036854775807', id: '' },
}

function placeOf({ sort, key, id }: Cursor): { key: string; id: string } {
  return { key: sort === 'newest' ? new Date(key).toISOString() : String(key), id }
}

/** A sort's column, the type of its key, and the key as it is read back. */
interface Order {
  name: string
  column: SQL
  type: SQL
  readBack: SQL
  isDescending: boolean
}

const price = {
  column: sql`listing.sort_price`,
  type: sql`bigint`,
  readBack: sql`entry.key`,
}

const ORDERS: Record<ProductSort, Order> = {
  newest: {
    name: 'product_page_newest',
    column: sql`listing.published_at`,
    type: sql`timestamptz`,
    readBack: sql`(extract(epoch from entry.key) * 1000)::bigint`,
    isDescending: true,
  },
  name: {
    name: 'product_page_name',
    column: sql`listing.sort_name`,
    type: sql`text`,
    readBack: sql`entry.key`,
    isDescending: false,
  },
  price: { ...price, name: 'product_page_price', isDescending: false },
  '-price': { ...price, name: 'product_page_price_down', isDescending: true },
}

type PageStatements = Record<ProductSort, ReturnType<typeof pageStatement>>

/** Pages with everybody's prices. */
export const pageStatements = statementsOf((order) =>
  pageStatement(order.name, {
    readBack: order.readBack,
    life: secondsUntil(nextBoundary(sql`''`)),
    documentsOf: sql`''`,
    entries: sql`
        select listing.product_id, ${order.column} as key,
          row_number() over (${ordered(order)}) as place
        from listing
        where ${inList(sql`''`)} and ${beyondCursor(order)}
        ${ordered(order)}
        limit list.length + 1`,
  }),
)

/** Pages with the prices of a group: its own, and everybody's where it has none. */
export const groupPageStatements = statementsOf((order) =>
  pageStatement(`${order.name}_of_group`, {
    readBack: order.readBack,
    documentsOf: sql`entry.customer_group`,
    life: secondsUntil(sql`least(${nextBoundary(sql`''`)}, ${nextBoundary(value('group'))})`),
    entries: mergedEntries(order),
  }),
)

/**
 * A product stands in a group's list by the group's own row or, without one, by everybody's. Both
 * are read in order, a page of each at most: beyond the end of a full page of the group's own rows,
 * everybody's cannot matter, and without that end a group that has prices of its own for nearly all
 * products would have nearly all of everybody's rows looked through and left out. `offset 0` makes
 * Postgres look each of them up, where it might read the group's whole list to compare them.
 */
function mergedEntries(order: Order): SQL {
  const { column, isDescending } = order
  const own = sql`from listing where ${inList(value('group'))} and ${beyondCursor(order)}
            ${ordered(order)}`
  const isWithin = isDescending ? sql`>=` : sql`<=`
  return sql`
        select merged.product_id, merged.customer_group, merged.key,
          row_number() over (${ordered(order, 'merged')}) as place
        from (
          select coalesce(own.key, last.key) as key, coalesce(own.product_id, last.product_id) as id
          from (select) one
          left join (
            select listing.product_id, ${column} as key ${own} offset list.length limit 1
          ) own on true
          left join (
            select listing.product_id, ${column} as key from listing
            where ${inAnyPhase(sql`''`)} ${ordered(order, 'listing', !isDescending)} limit 1
          ) last on true
        ) bound
        cross join lateral (
          (
            select listing.product_id, listing.customer_group, ${column} as key ${own}
            limit list.length + 1
          )
          union all (
            select listing.product_id, listing.customer_group, ${column} as key
            from listing
            where ${inList(sql`''`)} and ${beyondCursor(order)}
              and (${column}, listing.product_id) ${isWithin} (bound.key, bound.id)
              and not exists (
                select from listing own where own.product_id = listing.product_id
                  and own.category_id = listing.category_id and own.market = listing.market
                  and own.locale = listing.locale and own.customer_group = ${value('group')}
                offset 0)
            ${ordered(order)}
            limit list.length + 1
          )
        ) merged
        ${ordered(order, 'merged')}
        limit list.length + 1`
}

function statementsOf(make: (order: Order) => ReturnType<typeof pageStatement>): PageStatements {
  const { newest, name, price, '-price': priceDown } = ORDERS
  return { newest: make(newest), name: make(name), price: make(price), '-price': make(priceDown) }
}

function ordered(
  { column, isDescending }: Order,
  of: 'listing' | 'merged' = 'listing',
  isDown = isDescending,
): SQL {
  const key = of === 'listing' ? column : sql`merged.key`
  const direction = isDown ? sql`desc` : sql`asc`
  return sql`order by ${key} ${direction}, ${sql.raw(of)}.product_id ${direction}`
}

function inAnyPhase(group: SQL, alias = sql`listing`): SQL {
  return sql`${alias}.category_id = case list.category when '' then '' else category.id end
          and ${alias}.market = asked.market
          and ${alias}.locale = asked.locale and ${alias}.customer_group = ${group}`
}

function inList(group: SQL): SQL {
  return sql`${inAnyPhase(group)} and ${isShownNow(sql`listing`)}`
}

function beyondCursor({ column, type, isDescending }: Order): SQL {
  const beyond = isDescending ? sql`<` : sql`>`
  return sql`(${column}, listing.product_id)
            ${beyond} (${value('key')}::${type}, ${value('id')}::text)`
}

/** When a row of the list next gives way to another; null when none does. */
function nextBoundary(group: SQL): SQL {
  return sql`(select min(boundary.valid_until) from listing boundary
      where ${inAnyPhase(group, sql`boundary`)}
        and boundary.valid_until > now() and boundary.valid_until < 'infinity')`
}

/** One entry more than the page is read, which says whether another page follows. */
function pageStatement(
  name: string,
  parts: { entries: SQL; documentsOf: SQL; readBack: SQL; life: SQL },
) {
  const { entries, documentsOf, readBack, life } = parts
  return statement<PageValues, PageRow>(
    name,
    sql`
    select ${stampColumns}, asked.market, asked.locale,
      list.category = '' or category.id is not null as "isKnown",
      page.cards, page.ids, page.last_key as "lastKey", page.has_more as "hasMore",
      ${life} as "lifeSeconds"
    from feed_clock clock
    ${joinAsked}
    cross join (
      select ${value('category')}::text as category, ${value('limit')}::int as length
    ) list
    left join category on category.handle = list.category
    left join lateral (
      select string_agg(document.card, ',' order by entry.place)
          filter (where entry.place <= list.length) as cards,
        string_agg(entry.product_id, ' ' order by entry.place)
          filter (where entry.place <= list.length) as ids,
        max(${readBack}) filter (where entry.place = list.length) as last_key,
        count(*) > list.length as has_more
      from (${entries}
      ) entry
      join product_document document on document.product_id = entry.product_id
        and document.market = asked.market and document.locale = asked.locale
        and document.customer_group = ${documentsOf} and ${isShownNow(sql`document`)}
    ) page on true
    where clock.feed = 'catalogue'`,
  )
}
