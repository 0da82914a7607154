/** `npm run keys:rotate`, on a real database: it asks for no more than it needs, and says no more than it may. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { AHEAD_SECONDS, ensureSigningKey } from '../../../regional/platform/signing-keys.ts'
import { ROOT } from '../../../scripts/support/state.ts'
import { asApp } from '../../support/app-login.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { tokenKeySecret } from '../../support/keys.ts'
import { testServices } from '../../support/services.ts'

/** Each case starts a process, beside all the other tests. */
vi.setConfig({ testTimeout: 90_000 })

let url: string
let first: string

beforeAll(async () => {
  url = await cloneDatabase()
})
beforeEach(async () => {
  await queryRows(url, 'delete from signing_key')
  const services = testServices(url)
  await ensureSigningKey(services.db, { cell: 'eu', secret: tokenKeySecret })
  await services.close()
  first = (await stored())[0]!.kid
})

async function stored(): Promise<{ kid: string; ahead: number; isPast: boolean }[]> {
  return await queryRows(
    url,
    `select kid, round(extract(epoch from signs_from - now()))::int as ahead,
      verifies_until is not null as "isPast" from signing_key order by signs_from`,
  )
}

/** With nothing of a cell's environment but what the command says it needs. */
async function run(args: readonly string[], env: Record<string, string | undefined> = {}) {
  const child = spawn(process.execPath, ['scripts/keys-rotate.ts', ...args], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      TRADEWIND_STATE: '/nonexistent',
      CELL: 'eu',
      DATABASE_URL: asApp(url),
      TOKEN_KEY_SECRET: tokenKeySecret,
      ...env,
    },
  })
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)]
  const status = await new Promise((resolve) => child.once('close', resolve))
  return { status, stdout: await stdout, stderr: await stderr }
}

test('the next key is published at once and signs later; the one before it ends after that', async () => {
  const { status, stdout, stderr } = await run(['--json'])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const { rotated, keys } = JSON.parse(stdout)
  expect(keys).toEqual([
    { kid: first, signing: true, signsFrom: expect.any(String), verifiesUntil: expect.any(String) },
    { kid: rotated, signing: false, signsFrom: expect.any(String), verifiesUntil: null },
  ])
  const [before, next] = await stored()
  expect(before).toMatchObject({ kid: first, isPast: true })
  expect(next).toMatchObject({ kid: rotated, isPast: false })
  expect(Math.abs(next!.ahead - AHEAD_SECONDS)).toBeLessThan(30)
})

test('--list shows the keys and changes nothing', async () => {
  const before = await stored()
  const { status, stdout } = await run(['--list'])
  expect(status).toBe(0)
  expect(stdout).toMatch(new RegExp(`^${first} +signs \\d`))
  expect(JSON.parse((await run(['--list', '--json'])).stdout)).toMatchObject({
    rotated: null,
    keys: [{ kid: first, signing: true }],
  })
  expect((await stored()).map(({ kid }) => kid)).toEqual(before.map(({ kid }) => kid))
})

test('a key that is withdrawn is gone, its tokens end, and the new one signs at once', async () => {
  const { stdout } = await run(['--withdraw', first, '--json'])
  const { rotated } = JSON.parse(stdout)
  expect(await stored()).toEqual([{ kid: rotated, ahead: expect.any(Number), isPast: false }])
  expect((await stored())[0]!.ahead).toBeLessThanOrEqual(0)
  const ended = await queryRows(
    url,
    `select tags from feed_change where feed = 'cell' order by n desc limit 1`,
  )
  expect(ended).toEqual([{ tags: [`key:${first}`] }])
})

test('what cannot be done is said without a stack or a secret, and changes nothing', async () => {
  const otherSecret = randomBytes(32).toString('base64url')
  const unreachable = 'postgres://nobody:hidden@127.0.0.1:9/none'
  const missing = Object.assign(new URL(asApp(url)), { pathname: '/no_such_database' }).toString()
  const cases: [string[], Record<string, string | undefined>, string][] = [
    [['--list', '--withdraw', first], {}, '--list changes nothing'],
    [['--withdraw', 'eu-unknown'], {}, 'There is no key eu-unknown'],
    [[], { TOKEN_KEY_SECRET: otherSecret }, `TOKEN_KEY_SECRET does not open the key ${first}`],
    [[], { TOKEN_KEY_SECRET: undefined, CELL: undefined }, 'TOKEN_KEY_SECRET: is not set'],
    [[], { TOKEN_KEY_SECRET: 'hidden' }, 'TOKEN_KEY_SECRET: must be 32 bytes in base64url'],
    [[], { DATABASE_URL: undefined }, 'Set DATABASE_URL, or start the system'],
    [[], { DATABASE_URL: unreachable }, '(ECONNREFUSED): check DATABASE_URL'],
    [[], { DATABASE_URL: missing }, '(3D000): check DATABASE_URL'],
  ]
  for (const [args, env, reason] of cases) {
    const { status, stdout, stderr } = await run(args, env)
    expect({ status, stdout }, reason).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain(reason)
    expect(stderr).not.toMatch(/hidden|^ +at /m)
    expect(stderr).not.toContain(otherSecret)
  }
  expect((await stored()).map(({ kid }) => kid)).toEqual([first])
})

test('a failing statement is told by its code alone: its values hold the new key', async () => {
  await queryRows(url, 'alter table signing_key add constraint none_more check (false) not valid')
  try {
    const { status, stdout, stderr } = await run([])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toBe('The keys cannot be read or changed (23514): check DATABASE_URL\n')
  } finally {
    await queryRows(url, 'alter table signing_key drop constraint none_more')
  }
})

test('a secret that was lost is replaced with every key that it had sealed', async () => {
  const TOKEN_KEY_SECRET = randomBytes(32).toString('base64url')
  expect((await run(['--withdraw', first], { TOKEN_KEY_SECRET })).status).toBe(0)
  expect(await stored()).toHaveLength(1)
})
