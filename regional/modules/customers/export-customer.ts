/** All that is kept of a customer, as one document (GDPR, articles 15 and 20). */
import { EXPORT_ITEMS_MAX, type PersonalData } from '../../../shared/contracts/customers.ts'
import { asCustomer, assertScope } from '../../platform/access.ts'
import { auditAbout } from '../../platform/audit-about.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { sessionsOf } from '../../platform/sessions.ts'
import { cartsOf } from '../carts/index.ts'
import { customerById } from '../identity/index.ts'
import { ordersOf } from '../orders/index.ts'
import { addressesOf } from './addresses.ts'
import { audited } from './audited.ts'
import { known } from './customers.ts'

const EXPORT_SCOPES = ['customers:read', 'orders:read', 'carts:read'] as const

/** @throws {Problem} `account.unknown`. */
export async function exportOwnData(tx: Tx, actor: Actor, now: Date): Promise<PersonalData> {
  return await exported(tx, actor, { customerId: asCustomer(actor).id, now })
}

/**
 * For staff that answer a request which came by another way. Orders and carts are in it, of every channel, so their scopes
 * are needed as well.
 *
 * @throws {Problem} `account.unknown`.
 */
export async function exportCustomer(
  tx: Tx,
  actor: Actor,
  input: { customerId: string; now: Date },
): Promise<PersonalData> {
  for (const scope of EXPORT_SCOPES) assertScope(actor, scope)
  return await exported(tx, actor, input)
}

async function exported(
  tx: Tx,
  actor: Actor,
  { customerId, now }: { customerId: string; now: Date },
): Promise<PersonalData> {
  const profile = known(await customerById(tx, customerId))
  // One more than is shown tells whether there is more.
  const limit = EXPORT_ITEMS_MAX + 1
  const lists = {
    sessions: await sessionsOf(tx, { accountId: customerId, limit }),
    carts: await cartsOf(tx, { customerId, limit }),
    orders: await ordersOf(tx, { customerId, limit }),
    audit: await auditAbout(tx, { id: customerId, limit }),
  }
  audited(tx, actor, { action: 'customer.exported', subject: customerId })
  return {
    exportedAt: now.toISOString(),
    isComplete: Object.values(lists).every((list) => list.length < limit),
    profile,
    addresses: await addressesOf(tx, customerId),
    sessions: lists.sessions
      .slice(0, EXPORT_ITEMS_MAX)
      .map(({ userAgent: device, usedAt: lastUsedAt, ...session }) => ({
        ...session,
        device,
        lastUsedAt,
      })),
    carts: lists.carts.slice(0, EXPORT_ITEMS_MAX),
    orders: lists.orders.slice(0, EXPORT_ITEMS_MAX),
    audit: lists.audit.slice(0, EXPORT_ITEMS_MAX),
  }
}
