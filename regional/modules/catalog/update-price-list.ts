/** Changes a price list's name, group, schedule or priority. */
import { isDeepStrictEqual } from 'node:util'
import { eq } from 'drizzle-orm'
import type { PriceList, UpdatePriceList } from '../../../shared/contracts/price-lists.ts'
import { actorName, assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { holdCatalogue } from './catalogue-lock.ts'
import { assertFewLists, knownPriceList, productsNamedBy } from './price-lists.ts'
import { scheduled } from './price-schedule.ts'
import { priceList } from './schema.ts'
import { showProducts } from './show-products.ts'

/**
 * Changes the fields named and leaves the rest. The products that the list names are shown anew at
 * once. A repeat changes nothing.
 *
 * @throws {Problem} `pricelist.unknown`; `pricelist.too_many` when a list that had ended would again
 *   be one too many of a product; `request.invalid` when it would end before it starts.
 */
export async function updatePriceList(
  tx: Tx,
  actor: Actor,
  input: { priceListId: string; patch: UpdatePriceList },
): Promise<PriceList> {
  assertScope(actor, 'catalogue:write')
  const { priceListId: id, patch } = input
  await holdCatalogue(tx)
  const current = await knownPriceList(tx, id)
  const { name, customerGroup, priority, ...schedule } = revised(current, patch)
  const row = { name, customerGroup, priority, ...scheduled(schedule) }
  await tx.query.update(priceList).set(row).where(eq(priceList.id, id))
  const list = await knownPriceList(tx, id)
  if (isDeepStrictEqual(list, current)) return current
  const named = await productsNamedBy(tx, id)
  await assertFewLists(tx, named)
  await showProducts(tx, named)
  tx.audit({
    actor: actorName(actor),
    action: 'price_list.updated',
    subject: id,
    requestId: actor.requestId,
  })
  return list
}

function revised(
  { name, customerGroup, startsAt, endsAt, priority }: PriceList,
  patch: UpdatePriceList,
) {
  return {
    name: patch.name ?? name,
    customerGroup: patch.customerGroup === undefined ? customerGroup : patch.customerGroup,
    startsAt: patch.startsAt === undefined ? startsAt : patch.startsAt,
    endsAt: patch.endsAt === undefined ? endsAt : patch.endsAt,
    priority: patch.priority ?? priority,
  }
}
