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
  const row = await snapshots.row(pageStatements[sort], values)
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

export const pageStatements: Record<ProductSort, ReturnType<typeof pageStatement>> = {
  newest: pageStatement('product_page_newest', {
    column: sql`listing.published_at`,
    type: sql`timestamptz`,
    readBack: sql`(extract(epoch from entry.key) * 1000)::bigint`,
    isDescending: true,
  }),
  name: pageStatement('product_page_name', {
    column: sql`listing.sort_name`,
    type: sql`text`,
    readBack: sql`entry.key`,
    isDescending: false,
  }),
  price: pageStatement('product_page_price', { ...price, isDescending: false }),
  '-price': pageStatement('product_page_price_down', { ...price, isDescending: true }),
}

/** One entry more than the page is read, which says whether another page follows. */
function pageStatement(name: string, order: Order) {
  const { column, type, readBack, isDescending } = order
  const direction = isDescending ? sql`desc` : sql`asc`
  const beyond = isDescending ? sql`<` : sql`>`
  return statement<PageValues, PageRow>(
    name,
    sql`
    select ${stampColumns}, asked.market, asked.locale,
      list.category = '' or category.id is not null as "isKnown",
      page.cards, page.ids, page.last_key as "lastKey", page.has_more as "hasMore"
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
      from (
        select listing.product_id, ${column} as key,
          row_number() over (order by ${column} ${direction}, listing.product_id ${direction})
            as place
        from listing
        where listing.category_id = case list.category when '' then '' else category.id end
          and listing.market = asked.market and listing.locale = asked.locale
          and (${column}, listing.product_id)
            ${beyond} (${value('key')}::${type}, ${value('id')}::text)
        order by ${column} ${direction}, listing.product_id ${direction}
        limit list.length + 1
      ) entry
      join product_document document on document.product_id = entry.product_id
        and document.market = asked.market and document.locale = asked.locale
    ) page on true
    where clock.feed = 'catalogue'`,
  )
}
