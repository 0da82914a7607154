/** Members of the staff: what they are granted, and how that ends. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StaffMember } from '../../../shared/contracts/staff.ts'
import { formatGrants } from '../../../shared/principal.ts'
import type { ProblemDetails } from '../../../shared/problems.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { addMember, addSession, expectEnded, type Member, type Role } from '../../support/staff.ts'

let cell: TestCell
let owner: Member
const statements: string[] = []
beforeAll(async () => {
  cell = await startTestCell({ onStatement: (text) => statements.push(text) })
  owner = await addMember(cell, 'owner')
})
afterAll(() => cell?.close())

async function call(actor: Member, method: string, path: string, body?: unknown) {
  const call = { token: await actor.token(), ...(body === undefined ? {} : { body }) }
  return await cell.call(method, `/v1/staff/members${path}`, call)
}

async function grant(actor: Member, to: Member, ...roles: Role[]): Promise<Response> {
  const grants = roles.map((role) => (typeof role === 'string' ? { role } : role))
  return await call(actor, 'put', `/${to.id}/grants`, { grants })
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as ProblemDetails).code
}

async function audits(subject: string) {
  return await queryRows<{ actor: string; action: string; detail: unknown }>(
    cell.url,
    'select actor, action, detail from audit where subject = $1 order by id',
    [subject],
  )
}

async function scopesOf(member: Member): Promise<string> {
  return formatGrants(await member.grants())
}

describe('members', () => {
  it('are listed page by page, each once, and shown with their roles', async () => {
    const last = await addMember(cell, 'stock', { role: 'support', cell: 'eu', channel: 'web' })
    const seen: StaffMember[] = []
    let after = ''
    do {
      const page = await call(owner, 'get', `?limit=2${after && `&after=${after}`}`)
      expect(page.status).toBe(200)
      const { items, next } = (await page.json()) as { items: StaffMember[]; next: string | null }
      expect(items.length).toBeLessThanOrEqual(2)
      seen.push(...items)
      after = next ?? ''
    } while (after !== '')
    const all = await queryRows(cell.url, `select id from account where kind = 'staff' order by id`)
    expect(seen.map(({ id }) => ({ id }))).toEqual(all)
    const one = (await (await call(owner, 'get', `/${last.id}`)).json()) as StaffMember
    expect(one).toEqual(seen.at(-1))
    expect(one).toMatchObject({
      email: last.email,
      status: 'active',
      secondFactor: false,
      grants: [
        { role: 'stock', cell: null, channel: null },
        { role: 'support', cell: 'eu', channel: 'web' },
      ],
    })
  })

  it('are found without passing by the customers, however many', async () => {
    await queryRows(
      cell.url,
      `insert into account (id, kind, email)
       select 'cus_eu_' || md5(n::text), 'customer', n || '@many.test' from generate_series(1, 5000) n`,
    )
    await queryRows(cell.url, 'analyze account')
    await call(owner, 'get', '')
    const page = statements.find((text) => text.includes(`kind = 'staff' and id >`))!
    const values = page.replace('$1', `'stf_'`).replace('$2', '20')
    const plan = await queryRows(cell.url, `explain (analyze, format json) ${values}`)
    expect(JSON.stringify(plan)).not.toMatch(/Seq Scan|Removed by Filter": [1-9]/)
  })

  it('that are not there are unknown, a customer among them', async () => {
    const unknown = `stf_eu_${'0'.repeat(32)}`
    await queryRows(
      cell.url,
      `insert into account (id, kind, email) values ($1, 'customer', 'c@shop.test')`,
      [unknown],
    )
    const asked = [
      call(owner, 'get', `/${unknown}`),
      call(owner, 'put', `/${unknown}/grants`, { grants: [] }),
      call(owner, 'post', `/${unknown}/deactivate`),
      call(owner, 'post', `/${unknown}/activate`),
    ]
    for (const response of await Promise.all(asked)) {
      expect(response.status).toBe(404)
      expect(await codeOf(response)).toBe('account.unknown')
    }
  })
})

describe('a grant', () => {
  it('ends the member’s tokens, not their sessions, and the next ones say what is new', async () => {
    const member = await addMember(cell, 'stock')
    const token = await member.token()
    const response = await grant(owner, member, 'catalogue', { role: 'support', channel: 'web' })
    expect(response.status).toBe(200)
    expect(((await response.json()) as StaffMember).grants).toEqual([
      { role: 'catalogue', cell: null, channel: null },
      { role: 'support', cell: null, channel: 'web' },
    ])
    await expectEnded(cell, token)
    expect(await scopesOf(member)).toBe(
      'catalogue:read catalogue:write inventory:read carts:read@web orders:read@web ' +
        'customers:read@web customers:write@web',
    )
    const sessions = 'select 1 from session where account_id = $1'
    expect(await queryRows(cell.url, sessions, [member.id])).toHaveLength(1)
    expect(await audits(member.id)).toEqual([
      {
        actor: owner.id,
        action: 'staff.granted',
        detail: { before: ['stock * *'], after: ['catalogue * *', 'support * web'] },
      },
    ])
  })

  it('that is repeated changes nothing, and ends no token', async () => {
    const member = await addMember(cell, 'stock')
    const token = await member.token()
    expect((await grant(owner, member, 'stock', 'stock')).status).toBe(200)
    expect((await cell.call('get', '/v1/staff/price-lists', { token })).status).toBe(200)
    expect(await audits(member.id)).toEqual([])
  })

  it('for another cell gives nothing in this one', async () => {
    const member = await addMember(cell)
    expect((await grant(owner, member, { role: 'manager', cell: 'us' })).status).toBe(200)
    expect(await scopesOf(member)).toBe('')
    expect((await grant(owner, member, { role: 'stock', cell: 'eu' })).status).toBe(200)
    expect(await scopesOf(member)).toBe('catalogue:read inventory:read inventory:write')
  })

  it('keeps who gave what, when others come or go', async () => {
    const member = await addMember(cell, 'stock')
    await grant(owner, member, 'stock', 'support')
    const rows = await queryRows(
      cell.url,
      'select role, granted_by from staff_grant where account_id = $1 order by role',
      [member.id],
    )
    expect(rows).toEqual([
      { role: 'stock', granted_by: 'test' },
      { role: 'support', granted_by: owner.id },
    ])
  })

  it('of a role that there is not is refused, and named', async () => {
    const member = await addMember(cell)
    const refused = await grant(owner, member, 'stock', 'nothing')
    expect(refused.status).toBe(404)
    expect(await refused.json()).toMatchObject({
      code: 'role.unknown',
      errors: [{ in: 'body', pointer: '/grants/1/role' }],
    })
    expect(await scopesOf(member)).toBe('')
  })

  it('is refused in more channels than a token carries, and of an owner in one channel', async () => {
    const member = await addMember(cell)
    const many = Array.from({ length: 6 }, (_, n) => ({ role: 'stock', channel: `c${n}` }))
    for (const roles of [many, [{ role: 'owner', channel: 'web' }]]) {
      expect(await codeOf(await grant(owner, member, ...roles))).toBe('request.invalid')
    }
  })
})

describe('nobody gives or takes what they do not hold', () => {
  const refused: [string, Role[], Role[], Role[]][] = [
    ['a manager makes no owner', ['manager'], [], ['owner']],
    ['a manager gives no scope of their own lack', ['manager'], [], ['auditor']],
    ['a manager takes none either', ['manager'], ['auditor'], []],
    ['a manager touches no owner', ['manager'], ['owner'], ['owner', 'stock']],
    ['a manager here gives nothing everywhere', [{ role: 'manager', cell: 'eu' }], [], ['stock']],
    ['a manager elsewhere gives nothing here', [{ role: 'manager', cell: 'us' }], [], ['stock']],
    [
      'one who manages a channel gives nothing',
      [{ role: 'manager', channel: 'web' }],
      [],
      ['stock'],
    ],
    ['support gives nothing', ['support'], [], ['support']],
  ]
  it.each(refused)('%s', async (_, own, before, after) => {
    const [actor, member] = [await addMember(cell, ...own), await addMember(cell, ...before)]
    const scopes = await scopesOf(member)
    const response = await grant(actor, member, ...after)
    expect(response.status).toBe(403)
    expect(await codeOf(response)).toBe('access.denied')
    expect(await scopesOf(member)).toBe(scopes)
    expect(await audits(member.id)).toEqual([])
  })

  it('but a manager gives and takes what they hold', async () => {
    const [manager, member] = [await addMember(cell, 'manager'), await addMember(cell, 'auditor')]
    expect((await grant(manager, member, 'auditor', 'stock')).status).toBe(200)
    expect((await grant(manager, member, 'auditor')).status).toBe(200)
    const here = await addMember(cell, { role: 'manager', cell: 'eu' })
    const local = { role: 'stock', cell: 'eu', channel: 'web' }
    expect((await grant(here, member, 'auditor', local)).status).toBe(200)
  })
})

describe('deactivation', () => {
  it('ends sessions and tokens at once, and keeps the roles', async () => {
    const member = await addMember(cell, 'stock')
    await addSession(cell, member.id)
    const token = await member.token()
    const response = await call(owner, 'post', `/${member.id}/deactivate`)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      status: 'deactivated',
      grants: [{ role: 'stock' }],
    })
    await expectEnded(cell, token)
    const sessions = 'select 1 from session where account_id = $1'
    expect(await queryRows(cell.url, sessions, [member.id])).toEqual([])
    expect((await call(owner, 'post', `/${member.id}/deactivate`)).status).toBe(200)
    expect(await audits(member.id)).toEqual([
      { actor: owner.id, action: 'staff.deactivated', detail: null },
    ])
  })

  it('is done and undone by whoever holds what the member does', async () => {
    const member = await addMember(cell, 'auditor')
    const manager = await addMember(cell, 'manager')
    expect((await call(manager, 'post', `/${member.id}/deactivate`)).status).toBe(403)
    expect((await call(owner, 'post', `/${member.id}/deactivate`)).status).toBe(200)
    expect((await call(manager, 'post', `/${member.id}/activate`)).status).toBe(403)
    const response = await call(owner, 'post', `/${member.id}/activate`)
    expect(await response.json()).toMatchObject({ status: 'active' })
    expect((await call(owner, 'post', `/${member.id}/activate`)).status).toBe(200)
    expect((await audits(member.id)).map(({ action }) => action)).toEqual([
      'staff.deactivated',
      'staff.activated',
    ])
  })

  it('leaves no authority behind, whatever the token says', async () => {
    const [manager, member] = [await addMember(cell, 'manager'), await addMember(cell)]
    await queryRows(cell.url, `update account set status = 'deactivated' where id = $1`, [
      manager.id,
    ])
    expect((await grant(manager, member, 'stock')).status).toBe(403)
    expect((await call(manager, 'post', `/${manager.id}/activate`)).status).toBe(403)
  })
})
