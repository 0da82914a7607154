/** Reads of stock levels. */
import { sql } from 'drizzle-orm'
import type { Availability } from '../../../shared/contracts/fields.ts'
import type { StockLevel } from '../../../shared/contracts/inventory.ts'
import type { Runner } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'

const selectLevels = statement<{ skus: string[] }, StockLevel>(
  'stock_levels',
  sql`select sku, available, availability, version from stock_level
    where sku = any(${value('skus')}::text[])`,
)

export async function levelOf(runner: Runner, sku: string): Promise<StockLevel | null> {
  const [level] = await runner.run(selectLevels, { skus: [sku] })
  return level ?? null
}

/** The state of each known SKU; a SKU without a level is absent. */
export async function availabilityOf(
  runner: Runner,
  skus: readonly string[],
): Promise<Map<string, Availability>> {
  const levels = await runner.run(selectLevels, { skus: [...skus] })
  return new Map(levels.map((level) => [level.sku, level.availability]))
}
