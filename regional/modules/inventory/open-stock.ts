/** Opens the stock of new SKUs. */
import { sql } from 'drizzle-orm'
import type { Availability } from '../../../shared/contracts/fields.ts'
import { actorName } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { v7 as uuidv7 } from '../../platform/uuid.ts'
import { availabilityFor } from './availability.ts'

interface OpeningStock {
  sku: string
  /** Units to begin with; 0 when left out. */
  available?: number | undefined
}

interface Values extends Record<string, unknown> {
  skus: string[]
  available: number[]
  availability: string[]
  movements: string[]
  reference: string
}

const open = statement<Values, { sku: string; availability: Availability }>(
  'stock_open',
  sql`
  with opening as (
    select sku, available, availability, movement
    from unnest(${value('skus')}::text[], ${value('available')}::int[],
      ${value('availability')}::text[], ${value('movements')}::uuid[])
      as opening(sku, available, availability, movement)
  ),
  opened as (
    insert into stock_level (sku, available, availability)
    select sku, available, availability from opening order by sku
    on conflict (sku) do nothing
    returning sku, available, availability
  ),
  moved as (
    insert into stock_movement (id, sku, quantity, reason, reference)
    select opening.movement, opened.sku, opened.available, 'set', ${value('reference')}
    from opened join opening using (sku)
    where opened.available <> 0
  )
  select sku, availability from opened
  union all
  select level.sku, level.availability from stock_level level join opening using (sku)`,
)

/**
 * Gives each SKU a level of the named units, or none; a level that exists is left alone.
 *
 * @returns the state of every SKU named.
 */
export async function openStock(
  tx: Tx,
  actor: Actor,
  openings: readonly OpeningStock[],
): Promise<Map<string, Availability>> {
  if (openings.length === 0) return new Map()
  const available = openings.map((opening) => opening.available ?? 0)
  const rows = await tx.run(open, {
    skus: openings.map((opening) => opening.sku),
    available,
    availability: available.map(availabilityFor),
    movements: openings.map(() => uuidv7()),
    reference: actorName(actor),
  })
  return new Map(rows.map((row) => [row.sku, row.availability]))
}
