/** The accounts of staff, for whoever decides who is one. */
import { sql } from 'drizzle-orm'
import { newCellId } from '../../../shared/ids.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import { momentText, statement, value } from '../../platform/statement.ts'
import { v7 as uuidv7 } from '../../platform/uuid.ts'
import { voidLinks } from './credentials.ts'

export interface StaffAccount {
  id: string
  email: string
  name: string | null
  status: 'active' | 'deactivated'
  secondFactor: boolean
  createdAt: string
}

const columns = sql`id, email, name, status, two_factor_enabled as "secondFactor",
  ${momentText(sql`created_at`)} as "createdAt"`

const selectOne = statement<{ id: string }, StaffAccount>(
  'staff_account_by_id',
  sql`select ${columns} from account where id = ${value('id')} and kind = 'staff'`,
)

export async function staffAccountById(runner: Runner, id: string): Promise<StaffAccount | null> {
  return (await runner.run(selectOne, { id }))[0] ?? null
}

const selectPage = statement<{ after: string; limit: number }, StaffAccount>(
  'staff_account_page',
  sql`select ${columns} from account where kind = 'staff' and id > ${value('after')}
    order by id limit ${value('limit')}::int`,
)

/** In order of their ids, which is that of their making. */
export async function staffAccounts(
  runner: Runner,
  { after, limit }: { after: string; limit: number },
): Promise<StaffAccount[]> {
  return await runner.run(selectPage, { after, limit })
}

const selectAddress = statement<{ email: string }, unknown>(
  'staff_account_address',
  sql`select 1 from account where kind = 'staff' and email = ${value('email')}`,
)

/** Whether an address is that of staff, active or not. */
export async function isStaffAddress(runner: Runner, email: string): Promise<boolean> {
  return (await runner.run(selectAddress, { email: email.toLowerCase() })).length > 0
}

const selectActive = statement<{ ids: string[] }, { id: string }>(
  'staff_account_active',
  sql`select id from account
    where id = any(${value('ids')}::text[]) and kind = 'staff' and status = 'active'`,
)

/** Those of some accounts that are active. */
export async function activeStaffOf(runner: Runner, ids: readonly string[]): Promise<string[]> {
  return (await runner.run(selectActive, { ids: [...ids] })).map(({ id }) => id)
}

export interface NewStaffAccount {
  cell: string
  /** Proved, by the link that was sent to it or by the operator's word. */
  email: string
  name: string | null
  /** From the hasher, made before the transaction. */
  passwordHash: string
}

const insertAccount = statement<
  { id: string; email: string; name: string | null; credential: string; passwordHash: string },
  { id: string }
>(
  'staff_account_create',
  sql`
  with created as (
    insert into account (id, kind, email, email_verified, name)
    values (${value('id')}, 'staff', ${value('email')}, true, ${value('name')})
    on conflict on constraint account_email do nothing
    returning id
  )
  insert into credential (id, account_id, provider, subject, password)
  select ${value('credential')}, id, 'credential', id, ${value('passwordHash')} from created
  returning account_id as id`,
)

/** @returns its id, or `null` when the address is staff's already. */
export async function createStaffAccount(tx: Tx, input: NewStaffAccount): Promise<string | null> {
  const { cell, email, name, passwordHash } = input
  const [created] = await tx.run(insertAccount, {
    id: newCellId('stf', cell),
    email: email.toLowerCase(),
    name,
    credential: uuidv7(),
    passwordHash,
  })
  return created?.id ?? null
}

const updateStatus = statement<{ id: string; status: string }, unknown>(
  'staff_account_status',
  sql`update account set status = ${value('status')}, updated_at = now()
    where id = ${value('id')} and kind = 'staff'`,
)

/** Sets whether somebody can sign in, and voids what was mailed before. Their sessions are for the caller to end. */
export async function setStaffStatus(
  tx: Tx,
  id: string,
  status: StaffAccount['status'],
): Promise<void> {
  await tx.run(updateStatus, { id, status })
  await voidLinks(tx, id)
}
