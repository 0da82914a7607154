/** What shoppers read, each in one statement that also reads the clock; and what staff read. */
import { type SQL, sql } from 'drizzle-orm'
import type { StaffProduct } from '../../../shared/contracts/catalog.ts'
import { Problem } from '../../../shared/problems.ts'
import { assertScope } from '../../platform/access.ts'
import type { Runner } from '../../platform/database.ts'
import { type StampRow, stampColumns } from '../../platform/feed.ts'
import type { Actor, Snapshot } from '../../platform/implement.ts'
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
import { productRecord, staffProductOf } from './product-record.ts'
import { strongEtag } from './render.ts'
import { tags } from './tags.ts'
import { translationOrder } from './translation.ts'
import { isShownNow, secondsUntil } from './validity.ts'

interface DocumentRow extends AskedRow {
  productId: string | null
  page: string
  etag: string
  lifeSeconds: number | null
}

const shownDocument = sql`document.handle = ${value('handle')}
    and document.market = asked.market and document.locale = asked.locale
    and ${isShownNow(sql`document`)}`

/** By whose prices are asked for: everybody's, or those of a group that may have its own. */
export const documentStatements = {
  everybody: documentStatement(
    'product_document',
    sql`product_document document on ${shownDocument} and document.customer_group = ''`,
  ),
  group: documentStatement(
    'product_document_of_group',
    sql`lateral (
      select document.product_id, document.page, document.etag, document.valid_until
      from product_document document
      where ${shownDocument} and document.customer_group in ('', ${value('group')})
      order by document.customer_group desc limit 1
    ) document on true`,
  ),
}

function documentStatement(name: string, document: SQL) {
  return statement<AskedValues & { handle: string }, DocumentRow>(
    name,
    sql`
  select ${stampColumns}, asked.market, asked.locale,
    document.product_id as "productId", document.page, document.etag,
    ${secondsUntil(sql`document.valid_until`)} as "lifeSeconds"
  from feed_clock clock
  ${joinAsked}
  left join ${document}
  where clock.feed = 'catalogue'`,
  )
}

/** The page of the product with a handle. */
export async function productPageOf(
  snapshots: Snapshots,
  handle: string,
  asked: Asked,
): Promise<Snapshot> {
  const documentOf = documentStatements[asked.group === null ? 'everybody' : 'group']
  const row = await snapshots.row(documentOf, { ...askedValues(asked), handle })
  const unknown = unknownMarketOf(row, asked)
  if (unknown !== null) return snapshotOf(row, { problem: unknown, tags: [] })
  const { productId, page, etag, lifeSeconds } = row
  if (productId === null) {
    return snapshotOf(row, { problem: new Problem('product.unknown'), tags: [tags.handle(handle)] })
  }
  return snapshotOf(row, {
    body: page,
    etag,
    lifeSeconds,
    tags: [tags.product(productId), tags.handle(handle)],
  })
}

interface ItemsRow {
  /** A JSON array's text. */
  items: string
}

const selectCategories = statement<AskedValues, AskedRow & ItemsRow>(
  'categories',
  sql`
  with recursive tree as (
    select id, handle, null::text as parent_handle, position,
      array[lpad(position::text, 7, '0') || handle] as path
    from category where parent_id is null
    union all
    select child.id, child.handle, tree.handle, child.position,
      tree.path || (lpad(child.position::text, 7, '0') || child.handle)
    from tree join category child on child.parent_id = tree.id
  )
  select ${stampColumns}, asked.market, asked.locale, listed.items
  from feed_clock clock
  ${joinAsked}
  left join lateral (
    select coalesce(json_agg(json_build_object('id', tree.id, 'handle', tree.handle,
        'name', shown.name, 'parentHandle', tree.parent_handle, 'position', tree.position)
      order by tree.path), '[]')::text as items
    from tree
    cross join lateral (
      select translation.name from category_translation translation
      where translation.category_id = tree.id
      order by ${translationOrder({
        of: sql`translation.locale`,
        locale: sql`asked.locale`,
        defaultLocale: sql`asked.default_locale`,
      })}
      limit 1
    ) shown
  ) listed on true
  where clock.feed = 'catalogue'`,
)

/** Every category, each after its parent, siblings by position. */
export async function categoryList(snapshots: Snapshots, asked: Asked): Promise<Snapshot> {
  const row = await snapshots.row(selectCategories, askedValues(asked))
  const unknown = unknownMarketOf(row, asked)
  if (unknown !== null) return snapshotOf(row, { problem: unknown, tags: [] })
  return snapshotOf(row, { body: `{"items":${row.items}}`, tags: [tags.categories] })
}

const selectMarketList = statement<Record<string, never>, StampRow & ItemsRow>(
  'market_list',
  sql`
  select ${stampColumns},
    (select coalesce(json_agg(json_build_object('id', id, 'name', name, 'countries', countries,
        'currency', currency, 'locales', locales, 'pricesIncludeTax', prices_include_tax,
        'taxBasisPoints', tax_basis_points, 'isDefault', is_default) order by id), '[]')::text
      from market) as items
  from feed_clock clock where clock.feed = 'catalogue'`,
)

/** Every market, by id. */
export async function marketList(snapshots: Snapshots): Promise<Snapshot> {
  const row = await snapshots.row(selectMarketList, {})
  const body = `{"items":${row.items}}`
  return {
    stamp: { n: row.n, history: row.history },
    tags: [tags.markets],
    body,
    etag: strongEtag(body),
  }
}

/** @throws {Problem} `product.unknown`. */
export async function staffProduct(
  runner: Runner,
  actor: Actor,
  productId: string,
): Promise<StaffProduct> {
  assertScope(actor, 'catalogue:read')
  const record = await productRecord(runner, productId)
  if (record === null) throw new Problem('product.unknown')
  return staffProductOf(record)
}
