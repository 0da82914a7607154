/** Customers as staff see them. */
import type { CustomerEntry, ListCustomers } from '../../../shared/contracts/customers.ts'
import { Problem } from '../../../shared/problems.ts'
import { assertScope } from '../../platform/access.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { customerById, customerPage, lockCustomer } from '../identity/index.ts'

/** A page of customers, the oldest first. */
export async function staffCustomerPage(
  runner: Runner,
  actor: Actor,
  query: ListCustomers,
): Promise<{ items: CustomerEntry[]; next: string | null }> {
  assertScope(actor, 'customers:read')
  return await customerPage(runner, query)
}

/** @throws {Problem} `account.unknown`. */
export async function staffCustomer(
  runner: Runner,
  actor: Actor,
  id: string,
): Promise<CustomerEntry> {
  assertScope(actor, 'customers:read')
  return known(await customerById(runner, id))
}

/** @throws {Problem} `account.unknown`; `account.state_conflict` when there is nobody left to change. */
export async function lockChangeable(tx: Tx, id: string): Promise<CustomerEntry> {
  const customer = known(await lockCustomer(tx, id))
  if (customer.status === 'erased') throw new Problem('account.state_conflict')
  return customer
}

export function known(customer: CustomerEntry | null): CustomerEntry {
  if (customer === null) throw new Problem('account.unknown')
  return customer
}
