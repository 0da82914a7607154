/** Markets, as other modules read them. */
import { sql } from 'drizzle-orm'
import type { Market } from '../../../shared/contracts/catalog.ts'
import type { Runner } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'

const marketColumns = sql`market.id, market.name, market.countries, market.currency,
  market.locales, market.prices_include_tax as "pricesIncludeTax",
  market.tax_basis_points as "taxBasisPoints", market.is_default as "isDefault"`

const selectMarket = statement<{ id: string | null }, Market>(
  'market_by_id',
  sql`select ${marketColumns} from market
    where market.id = ${value('id')}::text or (${value('id')}::text is null and market.is_default)`,
)

/** The market with this id, or `null`. */
export async function marketById(runner: Runner, id: string): Promise<Market | null> {
  return await marketFor(runner, id)
}

/** The market with this id; without an id the default market. `null` when there is none. */
export async function marketFor(runner: Runner, id: string | null): Promise<Market | null> {
  const [market] = await runner.run(selectMarket, { id })
  return market ?? null
}

const selectMarkets = statement<Record<string, never>, Market>(
  'markets',
  sql`select ${marketColumns} from market order by market.id`,
)

/** Every market, by id. */
export async function allMarkets(runner: Runner): Promise<Market[]> {
  return await runner.run(selectMarkets, {})
}
