/** The keys of a cell: shared by its processes, rotated without a gap, withdrawn at once, closed to who reads the database. */
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Services } from '../../../regional/platform/implement.ts'
import {
  AHEAD_SECONDS,
  BEHIND_SECONDS,
  ensureSigningKey,
  listSigningKeys,
  rotateSigningKey,
  SigningKeys,
} from '../../../regional/platform/signing-keys.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { testServices } from '../../support/services.ts'
import { accessTokenRules } from '../../support/token-rules.ts'

const CLAIMS = { sub: 'cus_1', sid: 'ses_1', position: 'cell=0;h=h1', role: 'customer' } as const
let url: string
let services: Services
let secret: { cell: string; secret: string }

beforeAll(async () => {
  url = await cloneDatabase()
  services = testServices(url)
  secret = { cell: 'eu', secret: services.config.TOKEN_KEY_SECRET }
})
afterAll(() => services.close())
beforeEach(() => queryRows(url, 'delete from signing_key'))

/** A process of the cell that has just started. */
function keysOfNewProcess(overrides: Partial<typeof secret> = {}): SigningKeys {
  return new SigningKeys({
    db: services.db,
    clock: services.clock,
    secret: { ...secret, ...overrides },
  })
}

const rotate = async (rotation = { now: false, withdraw: [] as string[] }) =>
  (await services.db.inTransaction((tx) => rotateSigningKey(tx, secret, rotation))).value

/** As if so many seconds had passed since the keys were written. */
const pass = (seconds: number) =>
  queryRows(
    url,
    `update signing_key set signs_from = signs_from - make_interval(secs => $1),
      verifies_until = verifies_until - make_interval(secs => $1)`,
    [seconds],
  )

const kidOf = (token: string) => decodeProtectedHeader(token).kid

async function verifies(token: string): Promise<boolean> {
  const rules = accessTokenRules('eu', new Date())
  return await jwtVerify(token, keysOfNewProcess().verify, rules).then(
    () => true,
    () => false,
  )
}

test('two processes that start at once agree on one key', async () => {
  await Promise.all([ensureSigningKey(services.db, secret), ensureSigningKey(services.db, secret)])
  const [one, other] = await Promise.all([
    keysOfNewProcess().sign(CLAIMS),
    keysOfNewProcess().sign(CLAIMS),
  ])
  expect(kidOf(one)).toBe(kidOf(other))
  await ensureSigningKey(services.db, secret)
  const signing = (await listSigningKeys(services.db)).filter(({ isSigning }) => isSigning)
  expect(signing).toHaveLength(1)
})

describe('a rotation', () => {
  test('publishes the next key before it signs, and the one before after it did', async () => {
    await ensureSigningKey(services.db, secret)
    const before = await keysOfNewProcess().sign(CLAIMS)
    const next = await rotate()
    const published = async () =>
      (await keysOfNewProcess().published()).keys.map(({ kid }) => kid).sort()
    expect(await published()).toEqual([kidOf(before), next].sort())
    expect(kidOf(await keysOfNewProcess().sign(CLAIMS))).toBe(kidOf(before))

    await pass(AHEAD_SECONDS - 5)
    const last = await keysOfNewProcess().sign(CLAIMS)
    expect(kidOf(last)).toBe(kidOf(before))

    await pass(10)
    expect(kidOf(await keysOfNewProcess().sign(CLAIMS))).toBe(next)
    expect(await verifies(last)).toBe(true)

    await pass(BEHIND_SECONDS - 20)
    expect(await published()).toContain(kidOf(before))
    await pass(20)
    expect(await published()).toEqual([next])
    expect(await verifies(last)).toBe(false)
  })

  test('may follow another at any time', async () => {
    await ensureSigningKey(services.db, secret)
    const signing = kidOf(await keysOfNewProcess().sign(CLAIMS))
    const kids = [await rotate(), await rotate()]
    expect(kidOf(await keysOfNewProcess().sign(CLAIMS))).toBe(signing)
    await pass(AHEAD_SECONDS + 1)
    expect(kids).toContain(kidOf(await keysOfNewProcess().sign(CLAIMS)))
  })

  test('of a withdrawn key takes place at once, and ends what it signed', async () => {
    await ensureSigningKey(services.db, secret)
    const stolen = await keysOfNewProcess().sign(CLAIMS)
    const next = await rotate({ now: true, withdraw: [kidOf(stolen)!] })
    expect(kidOf(await keysOfNewProcess().sign(CLAIMS))).toBe(next)
    expect(await verifies(stolen)).toBe(false)
    const [change] = await queryRows<{ tags: string[] }>(
      url,
      `select tags from feed_change where feed = 'cell' order by n desc limit 1`,
    )
    expect(change?.tags).toEqual([`key:${kidOf(stolen)}`])
  })

  test('that names an unknown key changes nothing', async () => {
    await ensureSigningKey(services.db, secret)
    await expect(rotate({ now: true, withdraw: ['eu-none'] })).rejects.toThrow('no key eu-none')
    expect(await listSigningKeys(services.db)).toHaveLength(1)
  })
})

test('a process that runs meets a key it has not read yet', async () => {
  await ensureSigningKey(services.db, secret)
  const running = keysOfNewProcess()
  await running.published()
  await rotate({ now: true, withdraw: [] })
  const token = await keysOfNewProcess().sign(CLAIMS)
  await expect
    .poll(() => jwtVerify(token, running.verify).then(({ payload }) => payload.sub, String), {
      timeout: 5_000,
    })
    .toBe('cus_1')
})

test('who reads the database has no key, and another cell’s secret or name opens none', async () => {
  await ensureSigningKey(services.db, secret)
  const [row] = await queryRows<{ text: string }>(
    url,
    'select signing_key::text as text from signing_key',
  )
  expect(row!.text).not.toMatch(/"d\\?"\s*:/)
  const other = { secret: Buffer.alloc(32, 7).toString('base64url') }
  await expect(keysOfNewProcess(other).sign(CLAIMS)).rejects.toThrow(
    'TOKEN_KEY_SECRET does not open',
  )
  await expect(keysOfNewProcess({ cell: 'us' }).sign(CLAIMS)).rejects.toThrow('does not open')
})

test('a cell without a key says what to do', async () => {
  await expect(keysOfNewProcess().sign(CLAIMS)).rejects.toThrow('npm run keys:rotate')
})
