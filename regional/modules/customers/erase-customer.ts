/** Erases a person (GDPR, article 17): what they bought stays, who they were does not. */
import { asCustomer, assertScope } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import { forgetPerson } from '../../platform/forget.ts'
import type { Actor, RequestDb, Services } from '../../platform/implement.ts'
import { eraseCarts } from '../carts/index.ts'
import { assertOwnPassword, eraseAccount, lockCustomer } from '../identity/index.ts'
import { claimOrders, eraseOrders } from '../orders/index.ts'
import { eraseAddresses } from './addresses.ts'
import { audited } from './audited.ts'
import { known } from './customers.ts'

interface Context {
  readonly services: Services
  readonly db: RequestDb
}

/**
 * Erases the actor, who proves once more to be the one: a token may have been left on somebody's device.
 *
 * @throws {Problem} `credentials.refused`, which is recorded; `limit.exceeded`; `account.state_conflict` while an order waits
 *   for its payment.
 */
export async function eraseSelf(
  { services, db }: Context,
  actor: Actor,
  { password }: { password: string },
): Promise<void> {
  const { id: accountId } = asCustomer(actor)
  // Hashing takes long, so it is done before there is a transaction.
  await assertOwnPassword(services, { db, actor }, password)
  await db.inTransaction((tx) => erase(tx, actor, accountId))
}

/** @throws {Problem} `account.unknown`; `account.state_conflict` while an order waits for its payment. */
export async function eraseCustomer(
  tx: Tx,
  actor: Actor,
  { customerId }: { customerId: string },
): Promise<void> {
  assertScope(actor, 'customers:erase')
  await erase(tx, actor, customerId)
}

/**
 * All of it in one transaction. Locks are taken in this order: account, sessions, orders, carts. With the sessions gone,
 * nothing new comes to be theirs, so what is found then is all that there is. A repeat changes nothing.
 */
async function erase(tx: Tx, actor: Actor, customerId: string): Promise<void> {
  const { status, email, emailVerified } = known(await lockCustomer(tx, customerId))
  if (status === 'erased') return
  await eraseAccount(tx, customerId)
  // What they ordered without signing in, since the address was proved, is theirs as well.
  if (email !== null && emailVerified) await claimOrders(tx, { customerId, email })
  const { orderIds, cartIds } = await eraseOrders(tx, { customerId })
  const carts = await eraseCarts(tx, { customerId, others: cartIds })
  await eraseAddresses(tx, customerId)
  const callers = [...new Set([customerId, ...cartIds, ...carts])]
  await forgetPerson(tx, { callers, subjects: [...callers, ...orderIds], email })
  audited(tx, actor, { action: 'customer.erased', subject: customerId })
}
