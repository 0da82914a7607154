/** A customer's addresses, and the statements that change them. */
import { type SQL, sql } from 'drizzle-orm'
import type { SavedAddress } from '../../../shared/contracts/customers.ts'
import { Problem } from '../../../shared/problems.ts'
import { asCustomer } from '../../platform/access.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { lockCustomer } from '../identity/index.ts'

interface Row {
  id: string
  document: Omit<SavedAddress, 'id' | 'isDefault'>
  isDefault: boolean
}

export function addressesWhere(condition: SQL): SQL {
  return sql`select id, document, is_default as "isDefault" from address
    where customer_id = ${value('customerId')} and ${condition} order by id`
}

const selectAll = statement<{ customerId: string }, Row>(
  'address_of_customer',
  addressesWhere(sql`true`),
)

/** All of a customer's addresses, the oldest first. There are few. */
export async function addressesOf(runner: Runner, customerId: string): Promise<SavedAddress[]> {
  const rows = await runner.run(selectAll, { customerId })
  return rows.map(({ id, document, isDefault }) => ({ id, ...document, isDefault }))
}

/**
 * The customer whose addresses are about to change, whom nobody else changes meanwhile: of two changes at once the second
 * sees what the first left.
 *
 * @throws {Problem} `token.refused` when the account was closed since the token was verified.
 */
export async function lockOwnAddresses(tx: Tx, actor: Actor): Promise<string> {
  const { id } = asCustomer(actor)
  const customer = await lockCustomer(tx, id)
  if (customer?.status !== 'active') throw new Problem('token.refused')
  return id
}

const clearDefault = statement<{ customerId: string }, unknown>(
  'address_clear_default',
  sql`update address set is_default = false
    where customer_id = ${value('customerId')} and is_default`,
)

const upsert = statement<
  { id: string; customerId: string; document: string; isDefault: boolean },
  unknown
>(
  'address_save',
  sql`insert into address (id, customer_id, document, is_default)
    values (${value('id')}, ${value('customerId')}, ${value('document')}::jsonb,
      ${value('isDefault')})
    on conflict (id) do update
      set document = excluded.document, is_default = excluded.is_default`,
)

/** Saves an address under an id; the default before it is one no more. The caller has locked the customer. */
export async function saveAddress(
  tx: Tx,
  customerId: string,
  { id, isDefault, ...document }: SavedAddress,
): Promise<void> {
  if (isDefault) await tx.run(clearDefault, { customerId })
  await tx.run(upsert, { id, customerId, document: JSON.stringify(document), isDefault })
}

const eraseAll = statement<{ customerId: string }, unknown>(
  'address_erase',
  sql`delete from address where customer_id = ${value('customerId')}`,
)

export async function eraseAddresses(tx: Tx, customerId: string): Promise<void> {
  await tx.run(eraseAll, { customerId })
}
