/** Takes the stock of an order, and gives it back. */
import { type SQL, sql } from 'drizzle-orm'
import type { Availability } from '../../../shared/contracts/fields.ts'
import { Problem } from '../../../shared/problems.ts'
import type { Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import { v7 as uuidv7 } from '../../platform/uuid.ts'
import { LOW_STOCK_MAX } from './availability.ts'
import { availabilityChanged } from './events.ts'

interface StockChange {
  /** The order. */
  reference: string
  /** Each SKU once. */
  lines: readonly { sku: string; quantity: number }[]
}

interface Values extends Record<string, unknown> {
  skus: string[]
  quantities: number[]
  movements: string[]
  reference: string
}

interface Row {
  sku: string
  isShort: boolean
  was: Availability | null
  now: Availability | null
}

/** `sign` is -1 to take and 1 to give back. Rows are locked in SKU order before any of them changes. */
function changing(sign: -1 | 1, reason: 'sold' | 'returned'): SQL {
  const after = sql`locked.available + ${sql.raw(String(sign))} * locked.quantity`
  return sql`
  with wanted as (
    select sku, quantity, movement
    from unnest(${value('skus')}::text[], ${value('quantities')}::int[],
      ${value('movements')}::uuid[]) as wanted(sku, quantity, movement)
  ),
  locked as (
    select level.sku, level.available, level.availability, wanted.quantity, wanted.movement
    from stock_level level join wanted on wanted.sku = level.sku
    order by level.sku
    for update of level
  ),
  short as (
    select wanted.sku from wanted left join locked on locked.sku = wanted.sku
    where locked.sku is null or ${after} < 0
  ),
  changed as (
    update stock_level level
    set available = ${after},
      version = level.version + 1,
      availability = case when ${after} <= 0 then 'out_of_stock'
        when ${after} <= ${sql.raw(String(LOW_STOCK_MAX))} then 'low' else 'in_stock' end
    from locked
    where level.sku = locked.sku and not exists (select 1 from short)
    returning level.sku, level.availability
  ),
  moved as (
    insert into stock_movement (id, sku, quantity, reason, reference)
    select locked.movement, changed.sku, ${sql.raw(String(sign))} * locked.quantity,
      ${sql.raw(`'${reason}'`)}, ${value('reference')}
    from changed join locked on locked.sku = changed.sku
  )
  select wanted.sku, short.sku is not null as "isShort",
    locked.availability as was, changed.availability as now
  from wanted
    left join short on short.sku = wanted.sku
    left join locked on locked.sku = wanted.sku
    left join changed on changed.sku = wanted.sku`
}

const take = statement<Values, Row>('stock_take', changing(-1, 'sold'))
const giveBack = statement<Values, Row>('stock_return', changing(1, 'returned'))

/**
 * Takes every line's units, or none.
 *
 * Levels are locked in SKU order, so orders that share SKUs cannot deadlock, and held until the commit: take stock as
 * late in a transaction as its checks allow.
 *
 * @throws {Problem} `inventory.insufficient`, with nothing taken; its `skus` are the ones that fall short.
 */
export async function takeStock(tx: Tx, change: StockChange): Promise<void> {
  const rows = await tx.run(take, valuesOf(change))
  const short = rows.filter((row) => row.isShort).map((row) => row.sku)
  if (short.length > 0) {
    throw new Problem('inventory.insufficient', { extensions: { skus: short.sort() } })
  }
  publishChanges(tx, rows)
}

/** Gives back what `takeStock` took under the same reference. The caller makes sure that it happens once. */
export async function returnStock(tx: Tx, change: StockChange): Promise<void> {
  publishChanges(tx, await tx.run(giveBack, valuesOf(change)))
}

function valuesOf({ reference, lines }: StockChange): Values {
  return {
    skus: lines.map((line) => line.sku),
    quantities: lines.map((line) => line.quantity),
    movements: lines.map(() => uuidv7()),
    reference,
  }
}

function publishChanges(tx: Tx, rows: readonly Row[]): void {
  for (const { sku, was, now } of rows) {
    if (now !== null && now !== was) tx.publish(availabilityChanged(sku, now))
  }
}
