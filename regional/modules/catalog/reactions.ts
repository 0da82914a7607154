/** The facts the catalogue consumes. */
import { sql } from 'drizzle-orm'
import type { Tx } from '../../platform/database.ts'
import type { Reaction, StoredEvent } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { availabilityOf } from '../inventory/index.ts'
import { lockProductOf } from './revise-product.ts'
import { showProducts } from './show-products.ts'

/**
 * Shows a variant's availability after stock moved it. What is shown is the state as it is now, not
 * the event's, so events may repeat, come late, or overtake each other.
 */
export const showAvailability: Reaction = {
  name: 'show-availability',
  on: 'inventory.availability_changed',
  run: async ({ db }, event) => {
    await db.inTransaction((tx) => showStateOf(tx, skuOf(event)))
  },
}

export const reactions: readonly Reaction[] = [showAvailability]

async function showStateOf(tx: Tx, sku: string): Promise<void> {
  const productId = await lockProductOf(tx, sku)
  if (productId === null) return
  // Read under the product's lock: whoever comes later reads a later state.
  const availability = (await availabilityOf(tx, [sku])).get(sku)
  if (availability === undefined) return
  const [changed] = await tx.run(setAvailability, { sku, availability })
  if (changed !== undefined) await showProducts(tx, [changed.productId])
}

const setAvailability = statement<{ sku: string; availability: string }, { productId: string }>(
  'variant_set_availability',
  sql`update variant set availability = ${value('availability')}
    where sku = ${value('sku')} and availability <> ${value('availability')}
    returning product_id as "productId"`,
)

function skuOf(event: StoredEvent): string {
  const { sku } = event.payload
  if (typeof sku !== 'string') throw new Error(`the event ${event.id} names no SKU`)
  return sku
}
