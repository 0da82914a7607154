/** Puts a customer into a group. */
import type { CustomerEntry } from '../../../shared/contracts/customers.ts'
import { accountTag } from '../../../shared/principal.ts'
import { Problem } from '../../../shared/problems.ts'
import { assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { setGroupOf } from '../identity/index.ts'
import { audited } from './audited.ts'
import { lockChangeable } from './customers.ts'
import { holdGroup } from './groups.ts'

/**
 * Puts a customer into a group, or into none. Their access tokens end, because they name the group; their sessions stay, and
 * give them the next token with the new one. A repeat changes nothing.
 *
 * @throws {Problem} `account.unknown`, `account.state_conflict` or `group.unknown`.
 */
export async function setCustomerGroup(
  tx: Tx,
  actor: Actor,
  input: { customerId: string; group: string | null },
): Promise<CustomerEntry> {
  assertScope(actor, 'customers:write')
  const { customerId: id, group } = input
  if (group !== null && (await holdGroup(tx, group)) === null) throw new Problem('group.unknown')
  const customer = await lockChangeable(tx, id)
  if (customer.group === group) return customer
  await setGroupOf(tx, { id, group })
  tx.endTokens(accountTag(id))
  const detail = { before: customer.group, group }
  audited(tx, actor, { action: 'customer.group_changed', subject: id, detail })
  return { ...customer, group }
}
