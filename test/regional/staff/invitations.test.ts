/** Invitations: one use, by mail, for as long as whoever sent them could still send them. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { staff } from '../../../regional/modules/staff/index.ts'
import type { Invitation } from '../../../shared/contracts/staff.ts'
import type { ProblemDetails } from '../../../shared/problems.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { addMember, type Member, type Role } from '../../support/staff.ts'

let cell: TestCell
let owner: Member
beforeAll(async () => {
  cell = await startTestCell({ config: { STAFF_SECOND_FACTOR: 'optional' } })
  owner = await addMember(cell, 'owner')
})
afterAll(() => cell?.close())

const newAddress = () => `${randomUUID()}@staff.test`

async function send(email: string, actor = owner, roles: Role[] = ['stock'], more = {}) {
  const grants = roles.map((role) => (typeof role === 'string' ? { role } : role))
  const call = { token: await actor.token(), body: { email, grants }, ...more }
  return await cell.call('post', '/v1/staff/invitations', call)
}

async function invited(email: string, actor = owner, roles: Role[] = ['stock']) {
  const response = await send(email, actor, roles)
  if (response.status !== 201) throw new Error(await response.text())
  const mails = await mailsTo(email)
  return { invitation: (await response.json()) as Invitation, token: mails[0]!.data.token }
}

interface Mail {
  template: string
  locale: string
  data: { token: string; minutes: number; name: string | null }
}

/** As they wait in the outbox, the newest first. */
async function mailsTo(email: string): Promise<Mail[]> {
  const text = `select payload from outbox where payload->>'to' = $1 order by id desc`
  return (await queryRows<{ payload: Mail }>(cell.url, text, [email])).map(({ payload }) => payload)
}

async function accept(token: string, more: { name?: string; password?: string } = {}) {
  const body = { token, name: 'Ada', password: randomUUID(), ...more }
  return await cell.call('post', '/v1/invitations/accept', { body })
}

async function accountOf(email: string) {
  const text = `select account.id, status, email_verified, name, kind, password from account
    join credential on account_id = account.id where email = $1`
  return (await queryRows<Record<string, unknown>>(cell.url, text, [email]))[0]
}

async function expectRefused(response: Response, status: number, code: string): Promise<void> {
  expect(((await response.json()) as ProblemDetails).code).toBe(code)
  expect(response.status).toBe(status)
}

async function remove(id: string, actor = owner): Promise<Response> {
  const token = await actor.token()
  return await cell.call('delete', `/v1/staff/invitations/${id}`, { token })
}

describe('an invitation', () => {
  it('is mailed, and makes of who accepts it a member with its roles', async () => {
    const email = newAddress()
    const { invitation, token } = await invited(email.toUpperCase().replace('STAFF', 'staff'))
    expect(invitation).toMatchObject({ invitedBy: owner.id, grants: [{ role: 'stock' }] })
    const hours = Date.parse(invitation.expiresAt) - Date.parse(invitation.createdAt)
    expect(hours).toBe(72 * 3_600_000)
    const password = randomUUID()
    const response = await accept(token, { password })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ status: 'done' })
    const credentials = { email, password, kind: 'staff' }
    const signedIn = await cell.call('post', '/v1/sessions', { body: credentials })
    const { accessToken } = (await signedIn.json()) as { accessToken: string }
    const use = { token: accessToken }
    expect((await cell.call('get', '/v1/staff/price-lists', use)).status).toBe(200)
    const account = await accountOf(email)
    expect(account).toMatchObject({ kind: 'staff', status: 'active', name: 'Ada' })
    expect(account).toMatchObject({ email_verified: true })
    expect(account!.password).toMatch(/^\$argon2id\$/)
    const granted = await queryRows(
      cell.url,
      'select role, cell, channel, granted_by from staff_grant where account_id = $1',
      [account!.id],
    )
    expect(granted).toEqual([{ role: 'stock', cell: null, channel: null, granted_by: owner.id }])
    const audits = await queryRows(
      cell.url,
      'select actor, action, detail from audit where subject = $1 order by id',
      [invitation.id],
    )
    const grants = ['stock * *']
    expect(audits).toEqual([
      { actor: owner.id, action: 'invitation.created', detail: { grants, replaces: null } },
      {
        actor: account!.id,
        action: 'invitation.accepted',
        detail: { grants, invitedBy: owner.id },
      },
    ])
  })

  it('keeps its token in the mail alone', async () => {
    const email = newAddress()
    const response = await send(email)
    const [{ data, template, locale }] = (await mailsTo(email)) as [Mail]
    expect({ template, locale, minutes: data.minutes }).toEqual({
      template: 'staff-invitation',
      locale: 'en',
      minutes: 4_320,
    })
    expect(data.token).toMatch(/^[\w-]{43}$/)
    expect(await response.text()).not.toContain(data.token)
    for (const table of ['staff_invitation', 'audit', 'idempotency']) {
      const rows = await queryRows(cell.url, `select row::text from ${table} row`)
      expect(rows.length).toBeGreaterThan(0)
      expect(JSON.stringify(rows)).not.toContain(data.token)
    }
    const audits = await queryRows(cell.url, 'select row::text from audit row')
    expect(JSON.stringify(audits)).not.toContain(email)
  })

  it('is good for one use, also of two at once', async () => {
    const { token } = await invited(newAddress())
    const statuses = (await Promise.all([accept(token), accept(token)])).map((each) => each.status)
    expect(statuses.toSorted()).toEqual([200, 410])
    await expectRefused(await accept(token), 410, 'link.refused')
  })

  it('is refused once it has lapsed, and when nobody sent it, alike', async () => {
    const { invitation, token } = await invited(newAddress())
    const lapse = 'update staff_invitation set expires_at = now() where id = $1'
    await queryRows(cell.url, lapse, [invitation.id])
    const [lapsed, unknown] = [await accept(token), await accept('0'.repeat(43))]
    expect(await lapsed.text()).toBe(await unknown.text())
    expect(lapsed.status).toBe(410)
    await staff.jobs.find(({ name }) => name === 'prune-invitations')!.run(cell.services)
    const rows = 'select 1 from staff_invitation where id = $1'
    expect(await queryRows(cell.url, rows, [invitation.id])).toEqual([])
  })

  it('is not used up by a password that nobody may choose', async () => {
    const { token } = await invited(newAddress())
    const refused = await accept(token, { password: '  \u0308\u0308 ab' })
    await expectRefused(refused, 400, 'request.invalid')
    expect((await accept(token)).status).toBe(200)
  })

  it('takes the place of an earlier one of the address', async () => {
    const email = newAddress()
    const [earlier, later] = [await invited(email), await invited(email, owner, ['support'])]
    await expectRefused(await accept(earlier.token), 410, 'link.refused')
    expect((await accept(later.token)).status).toBe(200)
  })

  it('of an address that is staff already is refused, and so is accepting it', async () => {
    const email = newAddress()
    const { token } = await invited(email)
    const other = await addMember(cell)
    await expectRefused(await send(other.email), 409, 'account.state_conflict')
    await queryRows(cell.url, 'update account set email = $1 where id = $2', [email, other.id])
    await expectRefused(await accept(token), 410, 'link.refused')
    expect((await other.grants()).size).toBe(0)
  })

  it('is sent once when its request is repeated', async () => {
    const email = newAddress()
    const more = { idempotencyKey: randomUUID() }
    const [first, second] = [
      await send(email, owner, ['stock'], more),
      await send(email, owner, ['stock'], more),
    ]
    expect(second.status).toBe(201)
    expect(await second.json()).toEqual(await first.json())
    expect(await mailsTo(email)).toHaveLength(1)
  })

  it('is listed until it is withdrawn, and then opens nothing', async () => {
    const { invitation, token } = await invited(newAddress())
    const list = async () => {
      const seen: Invitation[] = []
      let after = ''
      do {
        const query = `?limit=2${after && `&after=${after}`}`
        const call = { token: await owner.token() }
        const page = await cell.call('get', `/v1/staff/invitations${query}`, call)
        const { items, next } = (await page.json()) as { items: Invitation[]; next: string | null }
        seen.push(...items)
        after = next ?? ''
      } while (after !== '')
      return seen
    }
    expect(await list()).toContainEqual(invitation)
    const withdrawn = await remove(invitation.id)
    expect(withdrawn.status).toBe(200)
    expect(await withdrawn.json()).toEqual(invitation)
    expect(await list()).not.toContainEqual(invitation)
    await expectRefused(await accept(token), 410, 'link.refused')
    await expectRefused(await remove(invitation.id), 404, 'invitation.unknown')
  })
})

describe('whoever invites', () => {
  it('gives no more than they hold, and makes no owner without being one', async () => {
    const manager = await addMember(cell, 'manager')
    for (const role of ['owner', 'auditor']) {
      const email = newAddress()
      await expectRefused(await send(email, manager, [role]), 403, 'access.denied')
      expect(await mailsTo(email)).toEqual([])
    }
    await expectRefused(await send(newAddress(), owner, ['nothing']), 404, 'role.unknown')
    const email = newAddress()
    const { invitation } = await invited(email, owner, ['owner'])
    await expectRefused(await remove(invitation.id, manager), 403, 'access.denied')
    await expectRefused(await send(email, manager, ['stock']), 403, 'access.denied')
  })

  it('must still hold it when the invitation is accepted', async () => {
    const cases: [Role, string][] = [
      ['manager', `update account set status = 'deactivated' where id = $1`],
      ['manager', 'delete from staff_grant where account_id = $1'],
      ['manager', `update staff_grant set role = 'support' where account_id = $1`],
      ['owner', `update staff_grant set role = 'manager' where account_id = $1`],
    ]
    for (const [role, change] of cases) {
      const [actor, email] = [await addMember(cell, role), newAddress()]
      const { token } = await invited(email, actor, [role === 'owner' ? 'owner' : 'stock'])
      await queryRows(cell.url, change, [actor.id])
      await expectRefused(await accept(token), 410, 'link.refused')
      expect(await accountOf(email)).toBeUndefined()
    }
  })
})
