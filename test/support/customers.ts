/** Customers of a test cell, signed in, with the tokens that their sessions give. */
import { randomBytes } from 'node:crypto'
import { newCellId } from '../../shared/ids.ts'
import type { TestCell } from './cell.ts'
import { queryRows } from './database.ts'
import { accessToken } from './keys.ts'
import { cellPosition } from './staff.ts'

export interface TestCustomer {
  readonly id: string
  readonly session: string
  readonly email: string
  /** What their session would give them now: it carries the clock, and the group that the account has. */
  token(): Promise<string>
}

let made = 0

/** A customer with one session; the password is one that nobody knows unless it is given. */
export async function addCustomer(
  cell: TestCell,
  options: {
    email?: string
    emailVerified?: boolean
    name?: string
    userAgent?: string
    password?: string
  } = {},
): Promise<TestCustomer> {
  const { url, services } = cell
  made += 1
  const { email = `customer-${made}@example.com`, emailVerified = true, name = null } = options
  const { userAgent = null, password = randomBytes(16).toString('base64url') } = options
  const id = newCellId('cus', 'eu')
  const session = newCellId('ses', 'eu')
  await queryRows(
    url,
    `insert into account (id, kind, email, email_verified, name)
     values ($1, 'customer', $2, $3, $4)`,
    [id, email, emailVerified, name],
  )
  await queryRows(
    url,
    `insert into credential (id, account_id, provider, subject, password)
     values ($1, $1, 'credential', $1, $2)`,
    [id, await services.passwords.hash(password)],
  )
  await queryRows(
    url,
    `insert into session (id, account_id, user_agent, idle_seconds, expires_at, ends_at)
     values ($1, $2, $3, 3600, 'infinity', 'infinity')`,
    [session, id, userAgent],
  )
  return {
    id,
    session,
    email,
    token: () => tokenOf(cell, { id, session }),
  }
}

async function tokenOf(
  cell: TestCell,
  { id, session }: { id: string; session: string },
): Promise<string> {
  const text = 'select customer_group as "group" from account where id = $1'
  const [account] = await queryRows<{ group: string | null }>(cell.url, text, [id])
  const { group } = account!
  return await accessToken({
    role: 'customer',
    sub: id,
    claims: { sid: session, position: await cellPosition(cell) },
    now: cell.services.clock.now(),
    ...(group === null ? {} : { group }),
  })
}
