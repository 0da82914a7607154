/** Keeps a customer from signing in, or lets them again. */
import type { CustomerEntry } from '../../../shared/contracts/customers.ts'
import { assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { setStatusOf } from '../identity/index.ts'
import { audited } from './audited.ts'
import { lockChangeable } from './customers.ts'

/**
 * Closes an account, which ends its sessions and tokens, or opens it again. A repeat changes nothing.
 *
 * @throws {Problem} `account.unknown`; `account.state_conflict` for an account that was erased.
 */
export async function setCustomerStatus(
  tx: Tx,
  actor: Actor,
  input: { customerId: string; status: 'active' | 'deactivated' },
): Promise<CustomerEntry> {
  assertScope(actor, 'customers:write')
  const { customerId: id, status } = input
  const customer = await lockChangeable(tx, id)
  if (customer.status === status) return customer
  await setStatusOf(tx, { id, status })
  const action = status === 'active' ? 'customer.activated' : 'customer.deactivated'
  audited(tx, actor, { action, subject: id })
  return { ...customer, status }
}
