/**
 * Shows products to shoppers: renders them, writes what differs from what is shown now, and tags
 * exactly that.
 *
 * The tags follow from the difference between two states of what readers can see, not from what a
 * verb meant to do, so a verb cannot forget one, and a write that changes nothing visible ticks
 * nothing. What is to be seen later counts as seen: by the time of the commit it may be.
 */
import type { Market } from '../../../shared/contracts/catalog.ts'
import type { Tx } from '../../platform/database.ts'
import { allMarkets } from './markets.ts'
import { priceListsOf } from './price-lists.ts'
import type { ProductPriceList } from './price-phases.ts'
import { type ProductRecord, productRecords } from './product-record.ts'
import { type RenderedDocument, renderProduct } from './render.ts'
import {
  type DocumentRow,
  type ListingRow,
  type ShownRows,
  shownNow,
  writeShown,
} from './shown-rows.ts'
import { tags } from './tags.ts'

/** Products rendered at a time, which bounds memory and the size of a statement. */
const SHOW_BATCH_MAX = 100

/**
 * Brings what shoppers see of these products up to date with their tables, in every market and
 * locale, for everybody and for each group with prices of its own, now and in phases to come.
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
  const lists = await priceListsOf(tx, ids)
  const shown = await shownNow(tx, ids)
  const shouldShow = rowsOf(products, lists, markets)
  const documents = differenceOf(shown.documents, shouldShow.documents, keyedDocument)
  const listings = differenceOf(shown.listings, shouldShow.listings, keyedListing)
  if (documents.touched.length + listings.touched.length === 0) return
  await writeShown(tx, {
    ids,
    saved: { documents: documents.saved, listings: listings.saved },
    gone: { documents: documents.gone, listings: listings.gone },
  })
  for (const { productId } of documents.touched) tx.tag(tags.product(productId))
  for (const handle of movedHandles(shown.documents, shouldShow.documents)) {
    tx.tag(tags.handle(handle))
  }
  for (const { categoryHandle } of listings.touched) {
    tx.tag(categoryHandle === '' ? tags.products : tags.category(categoryHandle))
  }
}

/** The rows that readers are to see of these products. */
export function rowsOf(
  products: readonly ProductRecord[],
  lists: ReadonlyMap<string, ProductPriceList[]>,
  markets: readonly Market[],
): ShownRows {
  const rows: ShownRows = { documents: [], listings: [] }
  for (const product of products) {
    if (product.status !== 'published') continue
    const rendered = renderProduct(product, markets, lists.get(product.id) ?? [])
    for (const { sortName, sortPrice, ...document } of rendered) {
      rows.documents.push({ productId: product.id, ...document })
    }
    rows.listings.push(...listingsOf(product, rendered))
  }
  return rows
}

type Standing = Omit<ListingRow, 'categoryId' | 'categoryHandle'>

/** Where it stands in each of its lists. Phases in which that is the same there are one. */
function listingsOf(product: ProductRecord, rendered: readonly RenderedDocument[]): ListingRow[] {
  const standings: Standing[] = []
  const latest = new Map<string, Standing>()
  for (const { market, locale, customerGroup, validFrom, validUntil, ...sort } of rendered) {
    const reader = `${market} ${locale} ${customerGroup}`
    const before = latest.get(reader)
    if (before !== undefined && before.sortPrice === sort.sortPrice) {
      before.validUntil = validUntil
      continue
    }
    const standing: Standing = {
      productId: product.id,
      market,
      locale,
      customerGroup,
      validFrom,
      validUntil,
      sortName: sort.sortName,
      sortPrice: sort.sortPrice,
      publishedAtMs: product.publishedAtMs!,
    }
    latest.set(reader, standing)
    standings.push(standing)
  }
  return [{ id: '', handle: '' }, ...product.categories].flatMap(({ id, handle }) =>
    standings.map((standing) => ({ categoryId: id, categoryHandle: handle, ...standing })),
  )
}

interface Keyed {
  /** Where the row stands: a row that is elsewhere afterwards is one gone and another that came. */
  place: string
  /** What readers see of it there, and since when. */
  content: string
}

function keyedDocument(row: DocumentRow): Keyed {
  const { productId, market, locale, customerGroup, validUntil, handle } = row
  const place = `${productId} ${market} ${locale} ${customerGroup} ${validUntil} ${handle}`
  return { place, content: `${row.validFrom} ${row.etag} ${row.card}` }
}

function keyedListing(row: ListingRow): Keyed {
  const { productId, categoryId, market, locale, customerGroup, validUntil } = row
  const { validFrom, sortPrice, publishedAtMs, sortName } = row
  const place = `${productId} ${categoryId} ${market} ${locale} ${customerGroup} ${validUntil}`
  return { place, content: `${validFrom} ${sortPrice} ${publishedAtMs} ${sortName}` }
}

interface Difference<Row> {
  saved: Row[]
  gone: Row[]
  touched: Row[]
}

function differenceOf<Row>(
  before: readonly Row[],
  after: readonly Row[],
  keyOf: (row: Row) => Keyed,
): Difference<Row> {
  const old = before.map((row) => ({ row, ...keyOf(row) }))
  const now = after.map((row) => ({ row, ...keyOf(row) }))
  const contents = new Map(old.map(({ place, content }) => [place, content]))
  const places = new Set(now.map(({ place }) => place))
  const saved = now.filter(({ place, content }) => contents.get(place) !== content)
  const gone = old.filter(({ place }) => !places.has(place))
  const rows = { saved: saved.map(({ row }) => row), gone: gone.map(({ row }) => row) }
  return { ...rows, touched: [...rows.gone, ...rows.saved] }
}

/** Handles that lead to a product in a market and locale where they did not, or no longer do. */
function movedHandles(before: readonly DocumentRow[], after: readonly DocumentRow[]): Set<string> {
  const spotOf = ({ productId, market, locale, handle }: DocumentRow) =>
    `${productId} ${market} ${locale} ${handle}`
  const old = new Set(before.map(spotOf))
  const now = new Set(after.map(spotOf))
  const moved = [
    ...before.filter((row) => !now.has(spotOf(row))),
    ...after.filter((row) => !old.has(spotOf(row))),
  ]
  return new Set(moved.map(({ handle }) => handle))
}
