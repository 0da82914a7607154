/** Creates a price list. */
import type { CreatePriceList, PriceList } from '../../../shared/contracts/price-lists.ts'
import { newGlobalId } from '../../../shared/ids.ts'
import { invalidField } from '../../../shared/problems.ts'
import { actorName, assertScope } from '../../platform/access.ts'
import { codeOf, constraintOf, type Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { knownPriceList } from './price-lists.ts'
import { scheduled } from './price-schedule.ts'
import { priceList } from './schema.ts'

const UNIQUE_VIOLATION = '23505'

/**
 * Creates a price list. It names no price yet, so nobody sees anything else for it.
 *
 * @throws {Problem} `pricelist.handle_taken`, or `request.invalid` when it would end before it starts.
 */
export async function createPriceList(
  tx: Tx,
  actor: Actor,
  input: CreatePriceList,
): Promise<PriceList> {
  assertScope(actor, 'catalogue:write')
  const id = newGlobalId('plist')
  await tx.query
    .insert(priceList)
    .values({ ...input, id, ...scheduled(input) })
    .catch((error: unknown) => {
      throw handleTaken(error)
    })
  tx.audit({
    actor: actorName(actor),
    action: 'price_list.created',
    subject: id,
    requestId: actor.requestId,
  })
  return await knownPriceList(tx, id)
}

function handleTaken(error: unknown): unknown {
  const isHandle = codeOf(error) === UNIQUE_VIOLATION && constraintOf(error) === 'price_list_handle'
  return isHandle
    ? invalidField('body', '/handle', 'another price list has it', 'pricelist.handle_taken')
    : error
}
