/**
 * Shows products to shoppers: renders them, writes what differs from what is shown now, and tags
 * exactly that.
 *
 * The tags follow from the difference between two states of what readers can see, not from what a
 * verb meant to do, so a verb cannot forget one, and a write that changes nothing visible ticks
 * nothing.
 */
import { sql } from 'drizzle-orm'
import type { Market } from '../../../shared/contracts/catalog.ts'
import type { Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import { allMarkets } from './markets.ts'
import { type ProductRecord, productRecords } from './product-record.ts'
import { type RenderedDocument, renderProduct } from './render.ts'
import { tags } from './tags.ts'

/** Products rendered at a time, which bounds memory and the size of a statement. */
const SHOW_BATCH_MAX = 100

/**
 * Brings what shoppers see of these products up to date with their tables, in every market and
 * locale.
 *
 * The caller holds the products' rows or the catalogue's lock, so that nobody renders an older
 * state over it.
 */
export async function showProducts(tx: Tx, ids: readonly string[]): Promise<void> {
  const markets = await allMarkets(tx)
  for (let start = 0; start < ids.length; start += SHOW_BATCH_MAX) {
    await showBatch(tx, ids.slice(start, start + SHOW_BATCH_MAX), markets)
  }
}

async function showBatch(tx: Tx, ids: readonly string[], markets: readonly Market[]) {
  const products = await productRecords(tx, ids)
  const shown = await shownNow(tx, ids)
  const shouldShow = viewOf(products, markets)
  const documents = differenceOf(shown.documents, shouldShow.documents)
  const listings = differenceOf(shown.listings, shouldShow.listings)
  if (documents.isEmpty && listings.isEmpty) return
  await tx.run(writeShown, {
    documents: JSON.stringify(documents.saved),
    goneDocuments: JSON.stringify(documents.gone),
    listings: JSON.stringify(listings.saved),
    goneListings: JSON.stringify(listings.gone),
  })
  for (const { productId } of documents.touched) tx.tag(tags.product(productId))
  for (const { handle } of documents.moved) tx.tag(tags.handle(handle))
  for (const { categoryHandle } of listings.touched) {
    tx.tag(categoryHandle === '' ? tags.products : tags.category(categoryHandle))
  }
}

interface DocumentRow extends Omit<RenderedDocument, 'page' | 'sortName' | 'sortPrice'> {
  productId: string
  page?: string
}

interface ListingRow {
  productId: string
  categoryId: string
  /** `''` for the list of all products. */
  categoryHandle: string
  market: string
  locale: string
  sortName: string
  sortPrice: number
  publishedAtMs: number
}

interface Keyed<Row> {
  row: Row
  /**
   * Where the row is found by readers: a change of it is one disappearing and another appearing.
   */
  place: string
  /** What readers see of it there. */
  content: string
}

interface View {
  documents: Keyed<DocumentRow>[]
  listings: Keyed<ListingRow>[]
}

function viewOf(products: readonly ProductRecord[], markets: readonly Market[]): View {
  const view: View = { documents: [], listings: [] }
  for (const product of products) {
    if (product.status !== 'published') continue
    for (const { sortName, sortPrice, ...document } of renderProduct(product, markets)) {
      const { market, locale } = document
      view.documents.push(keyedDocument({ productId: product.id, ...document }))
      for (const list of [{ id: '', handle: '' }, ...product.categories]) {
        const listing = {
          productId: product.id,
          categoryId: list.id,
          categoryHandle: list.handle,
          market,
          locale,
          sortName,
          sortPrice,
          publishedAtMs: product.publishedAtMs!,
        }
        view.listings.push(keyedListing(listing))
      }
    }
  }
  return view
}

function keyedDocument(row: DocumentRow): Keyed<DocumentRow> {
  const { productId, market, locale, handle, etag, card } = row
  return { row, place: `${productId} ${market} ${locale} ${handle}`, content: etag + card }
}

function keyedListing(row: ListingRow): Keyed<ListingRow> {
  const { productId, categoryId, market, locale, sortName, sortPrice, publishedAtMs } = row
  const place = `${productId} ${categoryId} ${market} ${locale}`
  return { row, place, content: `${sortPrice} ${publishedAtMs} ${sortName}` }
}

interface Difference<Row> {
  saved: Row[]
  gone: Row[]
  /** Rows that left their place, or came to one that was empty. */
  moved: Row[]
  touched: Row[]
  isEmpty: boolean
}

function differenceOf<Row>(before: Keyed<Row>[], after: Keyed<Row>[]): Difference<Row> {
  const old = new Map(before.map((keyed) => [keyed.place, keyed.content]))
  const places = new Set(after.map((keyed) => keyed.place))
  const saved = after.filter((keyed) => old.get(keyed.place) !== keyed.content)
  const gone = before.filter((keyed) => !places.has(keyed.place)).map((keyed) => keyed.row)
  const appearing = saved.filter((keyed) => !old.has(keyed.place)).map((keyed) => keyed.row)
  const moved = [...gone, ...appearing]
  const rows = saved.map((keyed) => keyed.row)
  const touched = [...gone, ...rows]
  return { saved: rows, gone, moved, touched, isEmpty: touched.length === 0 }
}

const selectDocuments = statement<{ ids: string[] }, DocumentRow>(
  'shown_documents',
  sql`select product_id as "productId", market, locale, handle, etag, card
    from product_document where product_id = any(${value('ids')}::text[])`,
)

const selectListings = statement<{ ids: string[] }, ListingRow>(
  'shown_listings',
  sql`select listing.product_id as "productId", listing.category_id as "categoryId",
      coalesce(category.handle, '') as "categoryHandle", listing.market, listing.locale,
      listing.sort_name as "sortName", listing.sort_price as "sortPrice",
      (extract(epoch from listing.published_at) * 1000)::bigint as "publishedAtMs"
    from listing left join category on category.id = listing.category_id
    where listing.product_id = any(${value('ids')}::text[])`,
)

async function shownNow(tx: Tx, ids: readonly string[]): Promise<View> {
  const documents = await tx.run(selectDocuments, { ids: [...ids] })
  const listings = await tx.run(selectListings, { ids: [...ids] })
  return { documents: documents.map(keyedDocument), listings: listings.map(keyedListing) }
}

interface Shown extends Record<string, unknown> {
  documents: string
  goneDocuments: string
  listings: string
  goneListings: string
}

/**
 * A document that moves to another handle is both gone and saved, so the deletions name the handle:
 * no row is written twice by the statement.
 */
const writeShown = statement<Shown, unknown>(
  'shown_write',
  sql`
  with document as (
    select "productId", market, locale, handle, page, etag, card
    from json_to_recordset(${value('documents')}::json) as document("productId" text, market text,
      locale text, handle text, page text, etag text, card text)
  ),
  gone_document as (
    delete from product_document old
    using json_to_recordset(${value('goneDocuments')}::json)
      as gone("productId" text, market text, locale text)
    where old.product_id = gone."productId" and old.market = gone.market
      and old.locale = gone.locale
      and not exists (select from document where document."productId" = old.product_id
        and document.market = old.market and document.locale = old.locale)
  ),
  saved_document as (
    insert into product_document (product_id, market, locale, handle, page, etag, card)
    select "productId", market, locale, handle, page, etag, card from document
    on conflict (product_id, market, locale) do update
      set handle = excluded.handle, page = excluded.page, etag = excluded.etag, card = excluded.card
  ),
  gone_listing as (
    delete from listing old
    using json_to_recordset(${value('goneListings')}::json)
      as gone("productId" text, "categoryId" text, market text, locale text)
    where old.product_id = gone."productId" and old.category_id = gone."categoryId"
      and old.market = gone.market and old.locale = gone.locale
  ),
  saved_listing as (
    insert into listing
      (category_id, market, locale, product_id, sort_name, sort_price, published_at)
    select "categoryId", market, locale, "productId", "sortName", "sortPrice",
      to_timestamp("publishedAtMs" / 1000.0)
    from json_to_recordset(${value('listings')}::json) as listing("productId" text,
      "categoryId" text, market text, locale text, "sortName" text, "sortPrice" bigint,
      "publishedAtMs" bigint)
    on conflict (product_id, category_id, market, locale) do update
      set sort_name = excluded.sort_name, sort_price = excluded.sort_price,
        published_at = excluded.published_at
  )
  select 1`,
)
