/** Deletes a price list. */
import { eq } from 'drizzle-orm'
import type { PriceList } from '../../../shared/contracts/price-lists.ts'
import { actorName, assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { holdCatalogue } from './catalogue-lock.ts'
import { knownPriceList, productsNamedBy } from './price-lists.ts'
import { priceList } from './schema.ts'
import { showProducts } from './show-products.ts'

/**
 * Deletes a price list with its prices, and shows the products that it named without them.
 *
 * @returns the list as it was.
 * @throws {Problem} `pricelist.unknown`.
 */
export async function deletePriceList(
  tx: Tx,
  actor: Actor,
  input: { priceListId: string },
): Promise<PriceList> {
  assertScope(actor, 'catalogue:write')
  const { priceListId: id } = input
  await holdCatalogue(tx)
  const list = await knownPriceList(tx, id)
  const named = await productsNamedBy(tx, id)
  await tx.query.delete(priceList).where(eq(priceList.id, id))
  await showProducts(tx, named)
  tx.audit({
    actor: actorName(actor),
    action: 'price_list.deleted',
    subject: id,
    requestId: actor.requestId,
  })
  return list
}
