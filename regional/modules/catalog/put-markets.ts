/** Puts markets in place. */
import { isDeepStrictEqual } from 'node:util'
import { sql } from 'drizzle-orm'
import type { Market } from '../../../shared/contracts/catalog.ts'
import { actorName, assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { holdCatalogue } from './catalogue-lock.ts'
import { allMarkets } from './markets.ts'
import { showProducts } from './show-products.ts'
import { tags } from './tags.ts'

/**
 * Creates or replaces markets by id and shows every product in them. Markets that are not named
 * stay. Repeating it changes nothing.
 *
 * At most one market may be the default; a second one violates `market_one_default`.
 */
export async function putMarkets(tx: Tx, actor: Actor, markets: readonly Market[]): Promise<void> {
  assertScope(actor, 'catalogue:write')
  await holdCatalogue(tx)
  const known = new Map((await allMarkets(tx)).map((market) => [market.id, market]))
  const changed = markets.filter((market) => !isDeepStrictEqual(market, known.get(market.id)))
  if (changed.length === 0) return
  await tx.run(putRows, { markets: JSON.stringify(changed) })
  tx.tag(tags.markets)
  for (const market of changed) {
    tx.audit({
      actor: actorName(actor),
      action: 'market.put',
      subject: market.id,
      requestId: actor.requestId,
    })
  }
  const published = await tx.run(selectPublished, {})
  await showProducts(
    tx,
    published.map((product) => product.id),
  )
}

const putRows = statement<{ markets: string }, unknown>(
  'markets_put',
  sql`
  insert into market (id, name, countries, currency, locales, prices_include_tax,
    tax_basis_points, is_default)
  select id, name, countries, currency, locales, "pricesIncludeTax", "taxBasisPoints", "isDefault"
  from json_to_recordset(${value('markets')}::json) as given(id text, name text, countries text[],
    currency text, locales text[], "pricesIncludeTax" boolean, "taxBasisPoints" integer,
    "isDefault" boolean)
  order by "isDefault"
  on conflict (id) do update set name = excluded.name, countries = excluded.countries,
    currency = excluded.currency, locales = excluded.locales,
    prices_include_tax = excluded.prices_include_tax,
    tax_basis_points = excluded.tax_basis_points, is_default = excluded.is_default`,
)

const selectPublished = statement<Record<string, never>, { id: string }>(
  'products_published',
  sql`select id from product where status = 'published' order by id`,
)
