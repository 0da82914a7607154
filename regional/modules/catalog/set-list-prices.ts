/** Sets prices in a price list, many at a time. */
import { sql } from 'drizzle-orm'
import type { PriceList, SetListPrices } from '../../../shared/contracts/price-lists.ts'
import { type FieldError, Problem } from '../../../shared/problems.ts'
import { actorName, assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { holdCatalogue } from './catalogue-lock.ts'
import { assertFewLists, knownPriceList } from './price-lists.ts'
import { showProducts } from './show-products.ts'

/**
 * How many variants a list may name. When its schedule changes, all of their products are rendered in one transaction,
 * which must end well before the edge gives up on it.
 */
export const VARIANTS_OF_LIST_MAX = 2_000

/**
 * Sets prices in a list and takes out those that are null; the others stay. All of them, or none.
 * The products are shown anew at once. A repeat changes nothing.
 *
 * @throws {Problem} `pricelist.unknown`; `variant.unknown`, naming each SKU at fault; `pricelist.too_many`
 *   for a list with too many variants, or a product with too many lists.
 */
export async function setListPrices(
  tx: Tx,
  actor: Actor,
  input: SetListPrices & { priceListId: string },
): Promise<PriceList> {
  assertScope(actor, 'catalogue:write')
  const { priceListId: id, variants } = input
  assertNamedOnce(variants)
  await holdCatalogue(tx)
  const list = await knownPriceList(tx, id)
  const skus = variants.map(({ sku }) => sku)
  const known = await tx.run(selectVariants, { skus })
  assertKnown(variants, new Set(known.map(({ sku }) => sku)))
  const [written] = await tx.run(writePrices, { id, variants: JSON.stringify(variants) })
  if (written!.changed === 0) return list
  await assertRoom(tx, id)
  const named = [...new Set(known.map(({ productId }) => productId))]
  await assertFewLists(tx, named)
  await showProducts(tx, named)
  tx.audit({
    actor: actorName(actor),
    action: 'price_list.prices_set',
    subject: id,
    requestId: actor.requestId,
  })
  return list
}

type Variants = SetListPrices['variants']

function assertNamedOnce(variants: Variants): void {
  const skus = variants.map(({ sku }) => sku)
  assertEach(
    variants.map(({ sku }, index) => skus.indexOf(sku) === index),
    'is there already',
    'request.invalid',
  )
}

function assertKnown(variants: Variants, known: ReadonlySet<string>): void {
  const detail = 'no variant has it'
  assertEach(
    variants.map(({ sku }) => known.has(sku)),
    detail,
    'variant.unknown',
  )
}

/** @param sound whether each of the variants is. */
function assertEach(
  sound: readonly boolean[],
  detail: string,
  code: 'request.invalid' | 'variant.unknown',
): void {
  const errors = sound.flatMap((isSound, index): FieldError[] =>
    isSound ? [] : [{ in: 'body', pointer: `/variants/${index}/sku`, detail }],
  )
  if (errors.length > 0) throw new Problem(code, { errors: errors.slice(0, 50) })
}

async function assertRoom(tx: Tx, id: string): Promise<void> {
  const [row] = await tx.run(countVariants, { id })
  if (row!.variants <= VARIANTS_OF_LIST_MAX) return
  const detail = `A price list names at most ${VARIANTS_OF_LIST_MAX} variants.`
  throw new Problem('pricelist.too_many', { detail })
}

const selectVariants = statement<{ skus: string[] }, { sku: string; productId: string }>(
  'variants_by_sku',
  sql`select sku, product_id as "productId" from variant
    where sku = any(${value('skus')}::text[]) order by product_id`,
)

const writePrices = statement<{ id: string; variants: string }, { changed: number }>(
  'price_list_write_prices',
  sql`
  with given as (
    select variant.id as variant_id, entry.key as currency, entry.value::bigint as amount_minor
    from json_to_recordset(${value('variants')}::json) as named(sku text, prices json)
    join variant on variant.sku = named.sku
    cross join json_each_text(named.prices) entry
  ),
  gone as (
    delete from price_list_price old using given
    where old.list_id = ${value('id')} and old.variant_id = given.variant_id
      and old.currency = given.currency and given.amount_minor is null
    returning 1
  ),
  saved as (
    insert into price_list_price (list_id, variant_id, currency, amount_minor)
    select ${value('id')}, variant_id, currency, amount_minor from given
    where amount_minor is not null
    on conflict (variant_id, currency, list_id) do update set amount_minor = excluded.amount_minor
      where price_list_price.amount_minor <> excluded.amount_minor
    returning 1
  )
  select (select count(*) from gone) + (select count(*) from saved) as changed`,
)

const countVariants = statement<{ id: string }, { variants: number }>(
  'price_list_count_variants',
  sql`select count(distinct variant_id)::int as variants from price_list_price
    where list_id = ${value('id')}`,
)
