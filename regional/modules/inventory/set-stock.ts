/** Sets a stock level, as staff count it. */
import { sql } from 'drizzle-orm'
import type { Availability } from '../../../shared/contracts/fields.ts'
import type { SetStock, StockLevel } from '../../../shared/contracts/inventory.ts'
import { Problem } from '../../../shared/problems.ts'
import { actorName, assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { v7 as uuidv7 } from '../../platform/uuid.ts'
import { availabilityFor } from './availability.ts'
import { availabilityChanged } from './events.ts'

interface Values extends Record<string, unknown> {
  sku: string
  available: number
  availability: Availability
  version: number | null
  movement: string
  reference: string
}

interface Row extends StockLevel {
  was: Availability
  isSet: boolean
}

const set = statement<Values, Row>(
  'stock_set',
  sql`
  with locked as (
    select sku, available, availability, version from stock_level
    where sku = ${value('sku')} for update
  ),
  changed as (
    update stock_level level
    set available = ${value('available')}::int, availability = ${value('availability')},
      version = level.version + 1
    from locked
    where level.sku = locked.sku
      and locked.version = coalesce(${value('version')}::bigint, locked.version)
    returning level.sku, level.available, level.availability, level.version
  ),
  moved as (
    insert into stock_movement (id, sku, quantity, reason, reference)
    select ${value('movement')}::uuid, changed.sku, changed.available - locked.available, 'set',
      ${value('reference')}
    from changed, locked
    where changed.available <> locked.available
  )
  select locked.sku, changed.sku is not null as "isSet",
    coalesce(changed.available, locked.available) as available,
    coalesce(changed.availability, locked.availability) as availability,
    coalesce(changed.version, locked.version) as version,
    locked.availability as was
  from locked left join changed on changed.sku = locked.sku`,
)

/**
 * Sets the units that may be sold; the ledger explains the difference.
 *
 * @throws {Problem} `variant.unknown`, or `inventory.version_conflict` naming the version there is.
 */
export async function setStock(
  tx: Tx,
  actor: Actor,
  input: SetStock & { sku: string },
): Promise<StockLevel> {
  assertScope(actor, 'inventory:write')
  const { sku, available, version = null } = input
  const [row] = await tx.run(set, {
    sku,
    available,
    availability: availabilityFor(available),
    version,
    movement: uuidv7(),
    reference: actorName(actor),
  })
  if (row === undefined) throw new Problem('variant.unknown')
  const { was, isSet, ...level } = row
  if (!isSet) {
    throw new Problem('inventory.version_conflict', { extensions: { version: level.version } })
  }
  if (level.availability !== was) tx.publish(availabilityChanged(sku, level.availability))
  tx.audit({
    actor: actorName(actor),
    action: 'inventory.set_stock',
    subject: sku,
    requestId: actor.requestId,
  })
  return level
}
