/** `npm run owner`, on a real database. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { ROOT } from '../../../scripts/support/state.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { addMember } from '../../support/staff.ts'

/** Each case starts a process, beside all the other tests. */
vi.setConfig({ testTimeout: 90_000 })

let cell: TestCell
beforeEach(async () => {
  cell ??= await startTestCell()
  await queryRows(cell.url, 'delete from staff_grant')
  await queryRows(cell.url, 'delete from staff_invitation')
})
afterAll(() => cell?.close())

interface Run {
  args?: readonly string[]
  input?: string
  env?: Record<string, string>
}

async function run({ args = [], input = '', env = {} }: Run) {
  const child = spawn(process.execPath, ['scripts/owner.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, DATABASE_URL: cell.url, CELL: 'eu', STAFF_URL: '', ...env },
  })
  child.stdin.end(input)
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)]
  const status = await new Promise((resolve) => child.once('exit', resolve))
  return { status, stdout: await stdout, stderr: await stderr }
}

async function owners() {
  return await queryRows(
    cell.url,
    `select email, name, status, role, cell, channel, granted_by as "grantedBy"
     from staff_grant join account on account.id = account_id order by email`,
  )
}

const address = () => `${randomUUID()}@staff.test`
const ofOperator = { role: 'owner', cell: null, channel: null, grantedBy: 'operator' }

test('a link is printed, good for one use, that makes an owner, and no mail is sent', async () => {
  const email = address()
  const env = { STAFF_URL: 'https://staff.shop.test/' }
  const { status, stdout, stderr } = await run({ args: ['--email', email, '--name', 'Ada'], env })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const [, token] =
    /^https:\/\/staff\.shop\.test\/accept-invitation#token=([\w-]{43})$/m.exec(stdout) ?? []
  const body = { token, password: randomUUID() }
  expect((await cell.call('post', '/v1/invitations/accept', { body })).status).toBe(200)
  expect((await cell.call('post', '/v1/invitations/accept', { body })).status).toBe(410)
  expect(await owners()).toEqual([{ email, name: 'Ada', status: 'active', ...ofOperator }])
  expect(await queryRows(cell.url, 'select 1 from outbox')).toEqual([])
  const audits = await queryRows(
    cell.url,
    `select action from audit where actor = 'operator' and request_id = 'npm-run-owner'`,
  )
  expect(audits).toEqual([{ action: 'invitation.created' }])
})

test('without a site the token is printed by itself', async () => {
  const { status, stdout } = await run({ args: ['--email', address()] })
  expect(status).toBe(0)
  expect(stdout.trim().split('\n').at(-1)).toMatch(/^[\w-]{43}$/)
})

test('with a password on standard input the owner is made at once, and it is printed nowhere', async () => {
  const [email, password] = [address(), randomUUID()]
  const args = ['--email', email, '--password-stdin']
  const { status, stdout, stderr } = await run({ args, input: `${password}\n` })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toContain(email)
  expect(stdout + stderr).not.toContain(password)
  expect(await owners()).toEqual([{ email, name: null, status: 'active', ...ofOperator }])
  const credentials = { email, password, kind: 'staff' }
  const signedIn = await cell.call('post', '/v1/sessions', { body: credentials })
  expect(signedIn.status).toBe(200)
  const { accountId } = (await signedIn.json()) as { accountId: string }
  const audits = await queryRows(cell.url, 'select actor, action from audit where subject = $1', [
    accountId,
  ])
  expect(audits).toEqual([{ actor: 'operator', action: 'staff.granted' }])
})

test('where there is an active owner it is refused, unless another is asked for', async () => {
  await addMember(cell, 'owner')
  const email = address()
  const refused = await run({ args: ['--email', email] })
  expect(refused).toEqual({ status: 1, stdout: '', stderr: 'The cell has an active owner.\n' })
  expect(await queryRows(cell.url, 'select 1 from staff_invitation')).toEqual([])
  expect((await run({ args: ['--email', email, '--another'] })).status).toBe(0)
})

test('an owner who is deactivated, or one of another cell, is none', async () => {
  const { id } = await addMember(cell, 'owner')
  await queryRows(cell.url, `update account set status = 'deactivated' where id = $1`, [id])
  await addMember(cell, { role: 'owner', cell: 'us' })
  expect((await run({ args: ['--email', address()] })).status).toBe(0)
})

const good = ['--email', address()]
const unreachable = 'postgres://nobody:hidden@127.0.0.1:9/none'
const refusals: [string, Run][] = [
  ['Give an address: --email ADDRESS', {}],
  ['Give an address: --email ADDRESS', { args: ['--email', 'nobody'] }],
  ['--name must be', { args: [...good, '--name', ''] }],
  ['The password has fewer than', { args: [...good, '--password-stdin'], input: 'short\n' }],
  ['The password is too long', { args: [...good, '--password-stdin'], input: 'x'.repeat(2_000) }],
  ['Set DATABASE_URL', { args: good, env: { DATABASE_URL: '' } }],
  ['Set CELL', { args: good, env: { CELL: 'NOT A CELL' } }],
  ['check DATABASE_URL', { args: good, env: { DATABASE_URL: unreachable } }],
]

test.each(refusals)('%s: what cannot be done is said in one line', async (reason, what) => {
  const { status, stdout, stderr } = await run(what)
  expect({ status, stdout }, stderr).toEqual({ status: 1, stdout: '' })
  expect(stderr).toContain(reason)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stderr).not.toMatch(/hidden|short|xxx/)
  expect(await owners()).toEqual([])
})

test('an address that is staff already is refused', async () => {
  const { email } = await addMember(cell)
  const { status, stderr } = await run({ args: ['--email', email] })
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'The address is one of the staff already.\n',
  })
  expect(await owners()).toEqual([])
})
