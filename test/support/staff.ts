/** Members of the staff for tests, with tokens of what they are granted, and customers. */
import { randomUUID } from 'node:crypto'
import { expect, vi } from 'vitest'
import { changeGrants, type Grant, grantsOf } from '../../regional/modules/access/index.ts'
import { createStaffAccount } from '../../regional/modules/identity/index.ts'
import type { Tx } from '../../regional/platform/database.ts'
import type { Actor } from '../../regional/platform/implement.ts'
import { newCellId } from '../../shared/ids.ts'
import { formatGrants, type Grants } from '../../shared/principal.ts'
import type { TestCell } from './cell.ts'
import { queryRows } from './database.ts'
import { accessToken } from './keys.ts'

export interface Member {
  readonly id: string
  readonly email: string
  readonly session: string
  /** What the next token would say. */
  grants(): Promise<Grants>
  /** A new token, as a sign-in would give it now. */
  token(): Promise<string>
  /** For a verb that is called without its route. */
  actor(): Promise<Actor>
}

export type Role = string | (Partial<Grant> & { role: string })

/** No password's: nobody signs in here. */
const HASH = `$argon2id$v=19$m=8,t=1,p=1$${'A'.repeat(22)}$${'B'.repeat(43)}`

export async function addMember(cell: TestCell, ...roles: Role[]): Promise<Member> {
  const { CELL: name } = cell.services.config
  const email = `${randomUUID()}@staff.test`
  const added = roles.map((role) => {
    const grant = typeof role === 'string' ? { role } : role
    return { cell: null, channel: null, ...grant }
  })
  const id = await inTransaction(cell, async (tx) => {
    const account = { cell: name, email, name: null, passwordHash: HASH }
    const accountId = (await createStaffAccount(tx, account))!
    await changeGrants(tx, { accountId, removed: [], added, grantedBy: 'test' })
    return accountId
  })
  const session = await addSession(cell, id)
  const grants = () => grantsOf(cell.services.db, { accountId: id, cell: name })
  return {
    id,
    email,
    session,
    grants,
    token: async () => {
      const scopes = formatGrants(await grants()).split(' ')
      const claims = { sid: session, position: await cellPosition(cell) }
      return await accessToken({ sub: id, scopes, claims })
    },
    actor: async () => ({
      principal: { kind: 'staff', id, cell: name, session, grants: await grants() },
      cartSecret: null,
      requestId: 'test',
    }),
  }
}

/** A customer's account, and a new token of theirs. */
export async function addCustomer(cell: TestCell): Promise<{ id: string; token: string }> {
  const id = newCellId('cus', cell.services.config.CELL)
  await queryRows(
    cell.url,
    `insert into account (id, kind, email, email_verified) values ($1, 'customer', $2, true)`,
    [id, `${randomUUID()}@shop.test`],
  )
  const claims = { sid: await addSession(cell, id), position: await cellPosition(cell) }
  return { id, token: await accessToken({ role: 'customer', sub: id, claims }) }
}

/** A session of an account, of which nobody has a refresh token. */
export async function addSession(cell: TestCell, accountId: string): Promise<string> {
  const id = newCellId('ses', cell.services.config.CELL)
  await queryRows(
    cell.url,
    `insert into session (id, account_id, idle_seconds, expires_at, ends_at)
      values ($1, $2, 0, 'infinity', 'infinity')`,
    [id, accountId],
  )
  return id
}

/** A token ends within the delay of the feed that the cell follows for it, and is good for nothing then. */
export async function expectEnded(cell: TestCell, token: string): Promise<void> {
  const use = async () => {
    const { status } = await cell.call('get', '/v1/staff/price-lists', { token })
    expect(status).toBe(401)
  }
  await vi.waitFor(use, { timeout: ENDED_MS_MAX, interval: 20 })
}

const ENDED_MS_MAX = 3_000

/** The clock of the `cell` feed as a token carries it. */
export async function cellPosition({ url }: TestCell): Promise<string> {
  const text = `select 'cell=' || n || ';h=' || history as position from feed_clock where feed = 'cell'`
  const [clock] = await queryRows<{ position: string }>(url, text)
  return clock!.position
}

export async function inTransaction<T>(cell: TestCell, work: (tx: Tx) => Promise<T>): Promise<T> {
  return (await cell.services.db.inTransaction(work)).value
}
