/** The rendered rows that shoppers read, as they are now and as they are written. */
import { sql } from 'drizzle-orm'
import type { Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import type { RenderedDocument } from './render.ts'
import { instantText } from './validity.ts'

/** Whose a row is, and when. */
type ShownTo = Pick<
  RenderedDocument,
  'market' | 'locale' | 'customerGroup' | 'validFrom' | 'validUntil'
>

export interface DocumentRow extends Omit<RenderedDocument, 'page' | 'sortName' | 'sortPrice'> {
  productId: string
  page?: string
}

export interface ListingRow extends ShownTo {
  productId: string
  categoryId: string
  /** `''` for the list of all products. */
  categoryHandle: string
  sortName: string
  sortPrice: number
  publishedAtMs: number
}

export interface ShownRows {
  documents: DocumentRow[]
  listings: ListingRow[]
}

/** The phase that is now is one since ever, so that a row stays what it was when its turn has come. */
const shownTo = sql`market, locale, customer_group as "customerGroup",
  case when valid_from <= now() then '-infinity' else ${instantText(sql`valid_from`)} end
    as "validFrom",
  ${instantText(sql`valid_until`)} as "validUntil"`

const selectDocuments = statement<{ ids: string[] }, DocumentRow>(
  'shown_documents',
  sql`select product_id as "productId", ${shownTo}, handle, etag, card
    from product_document
    where product_id = any(${value('ids')}::text[]) and valid_until > now()`,
)

const selectListings = statement<{ ids: string[] }, ListingRow>(
  'shown_listings',
  sql`select product_id as "productId", category_id as "categoryId",
      coalesce(category.handle, '') as "categoryHandle", ${shownTo},
      sort_name as "sortName", sort_price as "sortPrice",
      (extract(epoch from published_at) * 1000)::bigint as "publishedAtMs"
    from listing left join category on category.id = listing.category_id
    where product_id = any(${value('ids')}::text[]) and valid_until > now()`,
)

/** What readers see of these products, now and in phases to come. */
export async function shownNow(tx: Tx, ids: readonly string[]): Promise<ShownRows> {
  const documents = await tx.run(selectDocuments, { ids: [...ids] })
  const listings = await tx.run(selectListings, { ids: [...ids] })
  return { documents, listings }
}

/** Writes what differs, and drops the phases of these products that are over. */
export async function writeShown(
  tx: Tx,
  change: { ids: readonly string[]; saved: ShownRows; gone: ShownRows },
): Promise<void> {
  const { ids, saved, gone } = change
  await tx.run(writeRows, {
    ids: [...ids],
    documents: JSON.stringify(saved.documents),
    goneDocuments: JSON.stringify(gone.documents),
    listings: JSON.stringify(saved.listings),
    goneListings: JSON.stringify(gone.listings),
  })
}

interface Written extends Record<string, unknown> {
  ids: string[]
  documents: string
  goneDocuments: string
  listings: string
  goneListings: string
}

/**
 * A document that moves to another handle is both gone and saved, so the deletions leave what is
 * saved alone: no row is written twice by the statement. A phase that is over is neither.
 */
const writeRows = statement<Written, unknown>(
  'shown_write',
  sql`
  with document as (
    select "productId", market, locale, "customerGroup", "validFrom", "validUntil", handle, page,
      etag, card
    from json_to_recordset(${value('documents')}::json) as document("productId" text, market text,
      locale text, "customerGroup" text, "validFrom" timestamptz, "validUntil" timestamptz,
      handle text, page text, etag text, card text)
  ),
  gone_document as (
    delete from product_document old
    using json_to_recordset(${value('goneDocuments')}::json) as gone("productId" text, market text,
      locale text, "customerGroup" text, "validUntil" timestamptz)
    where old.product_id = gone."productId" and old.market = gone.market
      and old.locale = gone.locale and old.customer_group = gone."customerGroup"
      and old.valid_until = gone."validUntil"
      and not exists (select from document where document."productId" = old.product_id
        and document.market = old.market and document.locale = old.locale
        and document."customerGroup" = old.customer_group
        and document."validUntil" = old.valid_until)
  ),
  past_document as (
    delete from product_document
    where product_id = any(${value('ids')}::text[]) and valid_until <= now()
  ),
  saved_document as (
    insert into product_document (product_id, market, locale, customer_group, valid_from,
      valid_until, handle, page, etag, card)
    select "productId", market, locale, "customerGroup", "validFrom", "validUntil", handle, page,
      etag, card from document
    on conflict (product_id, market, locale, customer_group, valid_until) do update
      set valid_from = excluded.valid_from, handle = excluded.handle, page = excluded.page,
        etag = excluded.etag, card = excluded.card
  ),
  gone_listing as (
    delete from listing old
    using json_to_recordset(${value('goneListings')}::json) as gone("productId" text,
      "categoryId" text, market text, locale text, "customerGroup" text, "validUntil" timestamptz)
    where old.product_id = gone."productId" and old.category_id = gone."categoryId"
      and old.market = gone.market and old.locale = gone.locale
      and old.customer_group = gone."customerGroup" and old.valid_until = gone."validUntil"
  ),
  past_listing as (
    delete from listing
    where product_id = any(${value('ids')}::text[]) and valid_until <= now()
  ),
  saved_listing as (
    insert into listing (category_id, market, locale, customer_group, valid_from, valid_until,
      product_id, sort_name, sort_price, published_at)
    select "categoryId", market, locale, "customerGroup", "validFrom", "validUntil", "productId",
      "sortName", "sortPrice", to_timestamp("publishedAtMs" / 1000.0)
    from json_to_recordset(${value('listings')}::json) as listing("productId" text,
      "categoryId" text, market text, locale text, "customerGroup" text, "validFrom" timestamptz,
      "validUntil" timestamptz, "sortName" text, "sortPrice" bigint, "publishedAtMs" bigint)
    on conflict (product_id, category_id, market, locale, customer_group, valid_until) do update
      set valid_from = excluded.valid_from, sort_name = excluded.sort_name,
        sort_price = excluded.sort_price, published_at = excluded.published_at
  )
  select 1`,
)
