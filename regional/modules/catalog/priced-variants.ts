/**
 * What a cart or an order needs of variants: names and today's prices, from the tables of truth.
 */
import { sql } from 'drizzle-orm'
import type { Availability } from '../../../shared/contracts/fields.ts'
import type { Currency } from '../../../shared/money.ts'
import type { Runner } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import { listedAmount } from './price-phases.ts'
import { translationOrder } from './translation.ts'

export interface PricedVariant {
  sku: string
  productHandle: string
  name: string
  options: Record<string, string>
  /** In the market's currency, with tax in or out as the market shows prices. */
  unitPriceMinor: number
  availability: Availability
  currency: Currency
  pricesIncludeTax: boolean
  taxBasisPoints: number
}

interface Values extends Record<string, unknown> {
  skus: string[]
  market: string
  locale: string
  group: string | null
}

const selectPriced = statement<Values, PricedVariant>(
  'priced_variants',
  sql`
  select variant.sku, product.handle as "productHandle", shown.name, variant.options,
    coalesce(${listedAmount({
      variantId: sql`variant.id`,
      currency: sql`market.currency`,
      group: sql`${value('group')}::text`,
    })}, price.amount_minor) as "unitPriceMinor", variant.availability, market.currency,
    market.prices_include_tax as "pricesIncludeTax", market.tax_basis_points as "taxBasisPoints"
  from variant
  join product on product.id = variant.product_id and product.status = 'published'
  join market on market.id = ${value('market')}
  join price on price.variant_id = variant.id and price.currency = market.currency
  cross join lateral (
    select translation.name from product_translation translation
    where translation.product_id = product.id
    order by ${translationOrder({
      of: sql`translation.locale`,
      locale: sql`${value('locale')}::text`,
      defaultLocale: sql`market.locales[1]`,
    })}
    limit 1
  ) shown
  where variant.sku = any(${value('skus')}::text[])`,
)

/**
 * The named variants that can be sold in a market: published, with a price in its currency. Others
 * are left out. What each costs now is chosen as for the pages: see `price-phases.ts`.
 *
 * @param request.group whose prices they are; `null` for everybody's.
 * @returns in no particular order.
 */
export async function pricedVariants(runner: Runner, request: Values): Promise<PricedVariant[]> {
  return await runner.run(selectPriced, request)
}
