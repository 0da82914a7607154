/** Customers' accounts as the modules about customers see them: looked at, listed, put into groups, closed and erased. */

import { type SQL, sql } from 'drizzle-orm'
import type { CustomerEntry, ListCustomers } from '../../../shared/contracts/customers.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import { pageOf } from '../../platform/page.ts'
import { endSessionsOf } from '../../platform/sessions.ts'
import { momentText, type Statement, statement, value } from '../../platform/statement.ts'
import { voidLinks } from './credentials.ts'

const columns = sql`account.id, account.email, account.email_verified as "emailVerified",
  account.name, account.locale, account.customer_group as "group", account.status,
  ${momentText(sql`account.created_at`)} as "createdAt"`

const byId = sql`select ${columns} from account
  where account.id = ${value('id')} and account.kind = 'customer'`

const selectCustomer = statement<{ id: string }, CustomerEntry>('customer_by_id', byId)
const selectLocked = statement<{ id: string }, CustomerEntry>(
  'customer_lock',
  sql`${byId} for update`,
)

export async function customerById(runner: Runner, id: string): Promise<CustomerEntry | null> {
  const [customer] = await runner.run(selectCustomer, { id })
  return customer ?? null
}

/** The customer, whom nobody else changes before this transaction has ended. It is the first lock that a change takes. */
export async function lockCustomer(tx: Tx, id: string): Promise<CustomerEntry | null> {
  const [customer] = await tx.run(selectLocked, { id })
  return customer ?? null
}

type Filters = Pick<ListCustomers, 'email' | 'customerGroup' | 'status'>

interface PageValues extends Filters, Record<string, unknown> {
  after: string
  limit: number
}

const FILTERS: Readonly<Record<keyof Filters, SQL>> = {
  email: sql`account.email = ${value('email')}`,
  customerGroup: sql`account.customer_group = ${value('customerGroup')}`,
  status: sql`account.status = ${value('status')}`,
}
const FILTER_NAMES = Object.keys(FILTERS) as (keyof Filters)[]

/** One statement for each choice of filters, so that each has a plan that its index serves. */
const pages = new Map<string, Statement<PageValues, CustomerEntry>>()

export function customerPageStatement(
  given: readonly (keyof Filters)[],
): Statement<PageValues, CustomerEntry> {
  const name = ['customer_page', ...given].join('_')
  const known = pages.get(name)
  if (known !== undefined) return known
  const conditions = given.map((filter) => sql`and ${FILTERS[filter]}`)
  const made = statement<PageValues, CustomerEntry>(
    name,
    sql`select ${columns} from account
      where account.kind = 'customer' and account.id > ${value('after')}
        ${sql.join(conditions, sql` `)}
      order by account.id limit ${value('limit')}::int + 1`,
  )
  pages.set(name, made)
  return made
}

/** A page of customers, the oldest first. */
export async function customerPage(
  runner: Runner,
  { limit, after = '', email, ...filters }: ListCustomers,
): Promise<{ items: CustomerEntry[]; next: string | null }> {
  const asked = { ...filters, email: email?.toLowerCase() }
  const given = FILTER_NAMES.filter((name) => asked[name] !== undefined)
  const rows = await runner.run(customerPageStatement(given), { ...asked, after, limit })
  return pageOf(rows, limit, ({ id }) => id)
}

const selectAnyInGroup = statement<{ group: string }, { isAnyone: boolean }>(
  'customer_group_any',
  sql`select exists (select from account where customer_group = ${value('group')}) as "isAnyone"`,
)

export async function isAnyoneInGroup(runner: Runner, group: string): Promise<boolean> {
  const [row] = await runner.run(selectAnyInGroup, { group })
  return row!.isAnyone
}

const updateGroup = statement<{ id: string; group: string | null }, unknown>(
  'customer_set_group',
  sql`update account set customer_group = ${value('group')}, updated_at = now()
    where id = ${value('id')}`,
)

/** The caller has locked the customer; tokens that name the old group are for it to end. */
export async function setGroupOf(
  tx: Tx,
  change: { id: string; group: string | null },
): Promise<void> {
  await tx.run(updateGroup, change)
}

const updateStatus = statement<{ id: string; status: string }, unknown>(
  'account_set_status',
  sql`update account set status = ${value('status')}, updated_at = now()
    where id = ${value('id')}`,
)

/** The caller has locked the account. One that is closed has no session from the commit on. */
export async function setStatusOf(
  tx: Tx,
  change: { id: string; status: 'active' | 'deactivated' },
): Promise<void> {
  await tx.run(updateStatus, change)
  await voidLinks(tx, change.id)
  if (change.status === 'deactivated') await endSessionsOf(tx, change.id)
}

const eraseOne = statement<{ id: string }, unknown>(
  'account_erase',
  sql`
  with proofs as (delete from credential where account_id = ${value('id')}),
  links as (delete from verification where value = ${value('id')}),
  factors as (delete from two_factor where account_id = ${value('id')})
  update account set status = 'erased', email = null, email_verified = false, name = null,
    customer_group = null, locale = null, two_factor_enabled = false, updated_at = now()
  where id = ${value('id')}`,
)

/**
 * Erases an account, with what proves it and where it is signed in. Its id stays, so that nobody else is ever given it. The
 * caller has locked the account.
 */
export async function eraseAccount(tx: Tx, id: string): Promise<void> {
  await endSessionsOf(tx, id)
  await tx.run(eraseOne, { id })
}
