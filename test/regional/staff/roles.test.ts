/** Roles are data: who may make them, what they give, and when they may go. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Role } from '../../../shared/contracts/staff.ts'
import { SCOPES } from '../../../shared/principal.ts'
import type { ProblemDetails } from '../../../shared/problems.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { addMember, expectEnded, type Member } from '../../support/staff.ts'

let cell: TestCell
let owner: Member
beforeAll(async () => {
  cell = await startTestCell()
  owner = await addMember(cell, 'owner')
})
afterAll(() => cell?.close())

async function call(actor: Member, method: string, role: string, body?: unknown) {
  const token = await actor.token()
  const call = { token, ...(body === undefined ? {} : { body }) }
  return await cell.call(method, `/v1/staff/roles${role}`, call)
}

async function put(name: string, scopes: readonly string[], actor = owner): Promise<Response> {
  return await call(actor, 'put', `/${name}`, { title: `The ${name}`, scopes })
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as ProblemDetails).code
}

async function audits(subject: string) {
  return await queryRows<Record<string, unknown>>(
    cell.url,
    'select actor, action, request_id, detail from audit where subject = $1 order by id',
    [subject],
  )
}

/** Whose tokens a call ended. */
async function endedBy(work: () => Promise<unknown>): Promise<string[]> {
  const count = `select coalesce(max(n), 0)::int as n from feed_change where feed = 'cell'`
  const [before] = await queryRows<{ n: number }>(cell.url, count)
  await work()
  const text = `select tags from feed_change where feed = 'cell' and n > $1`
  const rows = await queryRows<{ tags: string[] }>(cell.url, text, [before!.n])
  return rows.flatMap(({ tags }) => tags).sort()
}

describe('a role', () => {
  it('is made, shown with the built-in ones, and gives its scopes to whoever has it', async () => {
    const response = await put('buyer', ['inventory:read', 'catalogue:read', 'catalogue:read'])
    const role = { name: 'buyer', title: 'The buyer', builtIn: false }
    const made = { ...role, scopes: ['catalogue:read', 'inventory:read'] }
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual(made)
    const listed = (await (await call(owner, 'get', '')).json()) as { items: Role[] }
    expect(listed.items).toContainEqual(made)
    expect(listed.items).toContainEqual({
      name: 'owner',
      title: 'Owner',
      scopes: [...SCOPES],
      builtIn: true,
    })
    const buyer = await addMember(cell, 'buyer')
    expect([...(await buyer.grants()).keys()]).toEqual(made.scopes)
    expect(await audits('buyer')).toEqual([
      {
        actor: owner.id,
        action: 'role.created',
        request_id: 'test',
        detail: { before: null, after: made.scopes },
      },
    ])
  })

  it('that is changed ends the tokens of everybody who has it, and of nobody else', async () => {
    await put('packer', ['inventory:read'])
    const one = await addMember(cell, 'packer')
    const other = await addMember(cell, { role: 'packer', channel: 'web' }, 'support')
    const token = await one.token()
    const ended = await endedBy(() => put('packer', ['inventory:read', 'catalogue:read']))
    expect(ended).toEqual([`account:${one.id}`, `account:${other.id}`].sort())
    await expectEnded(cell, token)
    const renewed = { token: await one.token() }
    expect((await cell.call('get', '/v1/staff/price-lists', renewed)).status).toBe(200)
    expect((await audits('packer')).at(-1)).toMatchObject({
      action: 'role.changed',
      detail: { before: ['inventory:read'], after: ['catalogue:read', 'inventory:read'] },
    })
  })

  it('whose title changes ends no token, and a repeat changes nothing at all', async () => {
    await put('teller', ['orders:read'])
    await addMember(cell, 'teller')
    const title = () =>
      call(owner, 'put', '/teller', { title: 'At the till', scopes: ['orders:read'] })
    expect(await endedBy(title)).toEqual([])
    expect(await endedBy(title)).toEqual([])
    expect(await audits('teller')).toHaveLength(2)
  })

  it('that is built in can be neither changed nor deleted', async () => {
    for (const name of ['owner', 'support']) {
      const changed = await put(name, [...SCOPES])
      expect(changed.status).toBe(409)
      expect(await codeOf(changed)).toBe('role.in_use')
      expect(await codeOf(await call(owner, 'delete', `/${name}`))).toBe('role.in_use')
    }
  })

  it('can be deleted once nobody has it or is invited to it', async () => {
    await put('temp', ['orders:read'])
    const temp = await addMember(cell, 'temp')
    expect(await codeOf(await call(owner, 'delete', '/temp'))).toBe('role.in_use')
    const token = await owner.token()
    const grants = `/v1/staff/members/${temp.id}/grants`
    await cell.call('put', grants, { token, body: { grants: [] } })
    const body = { email: 'temp@staff.test', grants: [{ role: 'temp' }] }
    await cell.call('post', '/v1/staff/invitations', { token, body })
    expect(await codeOf(await call(owner, 'delete', '/temp'))).toBe('role.in_use')
    await queryRows(cell.url, `update staff_invitation set expires_at = now()`)
    const deleted = await call(owner, 'delete', '/temp')
    expect(deleted.status).toBe(200)
    expect(await deleted.json()).toMatchObject({ name: 'temp', scopes: ['orders:read'] })
    expect(await codeOf(await call(owner, 'delete', '/temp'))).toBe('role.unknown')
    expect((await audits('temp')).map(({ action }) => action)).toEqual([
      'role.created',
      'role.deleted',
    ])
  })

  it('cannot be given, nor rid of, a scope that the actor does not hold everywhere', async () => {
    const manager = await addMember(cell, 'manager')
    await put('clerk', ['orders:read', 'audit:read'])
    for (const scopes of [['orders:read'], ['orders:read', 'audit:read', 'customers:erase']]) {
      const refused = await put('clerk', scopes, manager)
      expect(refused.status, scopes.join()).toBe(403)
      expect(await codeOf(refused)).toBe('access.denied')
    }
    const allowed = await put('clerk', ['orders:read', 'audit:read', 'carts:read'], manager)
    expect(allowed.status).toBe(200)
    await put('local', ['staff:write', 'staff:read'])
    const local = await addMember(
      cell,
      'local',
      { role: 'support', channel: 'web' },
      { role: 'catalogue', cell: 'us' },
    )
    expect((await put('mine', ['staff:read'], local)).status).toBe(200)
    expect((await put('more', ['orders:read'], local)).status).toBe(403)
    expect((await put('away', ['catalogue:write'], local)).status).toBe(403)
  })
})
