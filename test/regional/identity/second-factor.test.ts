/** The second factor: once a code, a wait after too many, and nothing readable at rest. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FactorSecrets } from '../../../regional/modules/identity/factor-secrets.ts'
import {
  confirmSecondFactor,
  FAILED_MAX,
  LOCK_SECONDS,
  passSecondFactor,
  removeSecondFactor,
  renewBackupCodes,
  setUpSecondFactor,
} from '../../../regional/modules/identity/second-factor.ts'
import type { Tx } from '../../../regional/platform/database.ts'
import type { Services } from '../../../regional/platform/implement.ts'
import { newCellId } from '../../../shared/ids.ts'
import { authenticatorOf } from '../../support/authenticator.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { authSecret } from '../../support/keys.ts'
import { testServices } from '../../support/services.ts'

const NOW = new Date('2026-11-17T12:00:00Z')
const secrets = new FactorSecrets(authSecret)
let url: string
let services: Services

beforeAll(async () => {
  url = await cloneDatabase()
  services = testServices(url)
})

afterAll(() => services.close())

async function inTransaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
  return (await services.db.inTransaction(work)).value
}

async function newAccount(): Promise<{ accountId: string; email: string; issuer: string }> {
  const accountId = newCellId('stf', 'eu')
  const email = `${accountId}@example.com`
  await queryRows(url, `insert into account (id, kind, email) values ($1, 'staff', $2)`, [
    accountId,
    email,
  ])
  return { accountId, email, issuer: 'Tradewind' }
}

function seconds(count: number): Date {
  return new Date(NOW.getTime() + count * 1_000)
}

/** An account with a confirmed factor, which used its first code a minute before `NOW`. */
async function confirmed() {
  const owner = await newAccount()
  const { accountId } = owner
  const { uri, backupCodes } = await inTransaction((tx) => setUpSecondFactor(tx, secrets, owner))
  const device = authenticatorOf(uri)
  const now = seconds(-60)
  const attempt = { accountId, code: device(now), now }
  expect(await inTransaction((tx) => confirmSecondFactor(tx, secrets, attempt))).toBe(true)
  const pass = (code: string, at = NOW) =>
    inTransaction((tx) => passSecondFactor(tx, secrets, { accountId, code, now: at }))
  return { ...owner, device, backupCodes, pass }
}

async function isEnabled(accountId: string): Promise<boolean> {
  const rows = await queryRows<{ two_factor_enabled: boolean }>(
    url,
    'select two_factor_enabled from account where id = $1',
    [accountId],
  )
  return rows[0]!.two_factor_enabled
}

/** Six digits that are not the device's at any step near `NOW`. */
function wrongCode(device: (now: Date) => string): string {
  const right = [-60, -30, 0, 30, 60].map((off) => device(seconds(off)))
  return ['000000', '000001', '000002', '000003', '000004', '000005'].find(
    (code) => !right.includes(code),
  )!
}

describe('setting up', () => {
  test('is not asked for until a code of the device has confirmed it', async () => {
    const owner = await newAccount()
    const { accountId } = owner
    const { uri } = await inTransaction((tx) => setUpSecondFactor(tx, secrets, owner))
    const device = authenticatorOf(uri)
    const attempt = { accountId, code: device(NOW), now: NOW }
    expect(await inTransaction((tx) => passSecondFactor(tx, secrets, attempt))).toEqual({
      outcome: 'refused',
    })
    const wrong = { ...attempt, code: wrongCode(device) }
    expect(await inTransaction((tx) => confirmSecondFactor(tx, secrets, wrong))).toBe(false)
    expect(await isEnabled(accountId)).toBe(false)
    expect(await inTransaction((tx) => confirmSecondFactor(tx, secrets, attempt))).toBe(true)
    expect(await isEnabled(accountId)).toBe(true)
  })

  test('again replaces what was not confirmed, and nothing that was', async () => {
    const owner = await newAccount()
    const { accountId } = owner
    const first = await inTransaction((tx) => setUpSecondFactor(tx, secrets, owner))
    const second = await inTransaction((tx) => setUpSecondFactor(tx, secrets, owner))
    const confirmBy = ({ uri }: { uri: string }) =>
      inTransaction((tx) =>
        confirmSecondFactor(tx, secrets, { accountId, code: authenticatorOf(uri)(NOW), now: NOW }),
      )
    expect(await confirmBy(first)).toBe(false)
    expect(await confirmBy(second)).toBe(true)
    await expect(
      inTransaction((tx) => setUpSecondFactor(tx, secrets, owner)),
    ).rejects.toMatchObject({ code: 'factor.present' })
    expect(await confirmBy(second)).toBe(false)
  })

  test('leaves nothing readable at rest', async () => {
    const owner = await newAccount()
    const { uri, backupCodes } = await inTransaction((tx) => setUpSecondFactor(tx, secrets, owner))
    const rows = await queryRows(url, 'select * from two_factor where account_id = $1', [
      owner.accountId,
    ])
    const stored = JSON.stringify(rows)
    expect(stored).not.toContain(new URL(uri).searchParams.get('secret'))
    for (const code of backupCodes) expect(stored).not.toContain(code)
    expect(new Set(backupCodes).size).toBe(10)
  })
})

describe('a code', () => {
  test('passes once', async () => {
    const { device, pass } = await confirmed()
    expect(await pass(device(NOW))).toEqual({ outcome: 'passed', by: 'code' })
    expect(await pass(device(NOW))).toEqual({ outcome: 'refused' })
    expect(await pass(device(seconds(30)), seconds(30))).toMatchObject({ outcome: 'passed' })
  })

  test('that is tried many times at once passes once', async () => {
    const { device, pass } = await confirmed()
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => pass(device(NOW))))
    expect(outcomes.filter(({ outcome }) => outcome === 'passed')).toHaveLength(1)
  })

  test('is refused once it confirmed the factor', async () => {
    const { device, pass } = await confirmed()
    expect(await pass(device(seconds(-60)), seconds(-40))).toEqual({ outcome: 'refused' })
  })

  test('of an account without a second factor is refused', async () => {
    const { accountId } = await newAccount()
    const attempt = { accountId, code: '000000', now: NOW }
    expect(await inTransaction((tx) => passSecondFactor(tx, secrets, attempt))).toEqual({
      outcome: 'refused',
    })
  })

  test('waits after too many wrong ones, even a right one, and then passes', async () => {
    const { device, pass } = await confirmed()
    const wrong = wrongCode(device)
    for (let tried = 0; tried < FAILED_MAX; tried += 1) {
      expect(await pass(wrong)).toEqual({ outcome: 'refused' })
    }
    expect(await pass(device(NOW))).toEqual({
      outcome: 'locked',
      retryAfterSeconds: LOCK_SECONDS,
    })
    const after = seconds(LOCK_SECONDS)
    expect(await pass(device(after), after)).toMatchObject({ outcome: 'passed' })
  })

  test('that passes starts the count of wrong ones anew', async () => {
    const { device, pass } = await confirmed()
    const wrong = wrongCode(device)
    for (let tried = 1; tried < FAILED_MAX; tried += 1) await pass(wrong)
    expect(await pass(device(NOW))).toMatchObject({ outcome: 'passed' })
    for (let tried = 1; tried < FAILED_MAX; tried += 1) await pass(wrong)
    expect(await pass(device(seconds(30)), seconds(30))).toMatchObject({ outcome: 'passed' })
  })
})

describe('a backup code', () => {
  test('passes once, however it is typed, and leaves the others', async () => {
    const { backupCodes, pass } = await confirmed()
    const [first, second] = backupCodes
    const passed = { outcome: 'passed', by: 'backup_code' }
    expect(await pass(` ${first!.toLowerCase().replace('-', ' ')} `)).toEqual(passed)
    expect(await pass(first!)).toEqual({ outcome: 'refused' })
    expect(await pass(second!)).toEqual(passed)
  })

  test('of another account is refused', async () => {
    const [one, other] = [await confirmed(), await confirmed()]
    expect(await one.pass(other.backupCodes[0]!)).toEqual({ outcome: 'refused' })
  })

  test('is void once new ones were made', async () => {
    const { accountId, backupCodes, pass } = await confirmed()
    const renewed = await inTransaction((tx) => renewBackupCodes(tx, secrets, accountId))
    expect(await pass(backupCodes[0]!)).toEqual({ outcome: 'refused' })
    expect(await pass(renewed[0]!)).toMatchObject({ outcome: 'passed' })
  })

  test('there are none without a confirmed factor', async () => {
    const owner = await newAccount()
    await inTransaction((tx) => setUpSecondFactor(tx, secrets, owner))
    await expect(
      inTransaction((tx) => renewBackupCodes(tx, secrets, owner.accountId)),
    ).rejects.toMatchObject({ code: 'factor.absent' })
  })
})

test('removing it ends it, and another can be set up', async () => {
  const { accountId, email, issuer, device, pass } = await confirmed()
  await inTransaction((tx) => removeSecondFactor(tx, accountId))
  expect(await isEnabled(accountId)).toBe(false)
  expect(await pass(device(NOW))).toEqual({ outcome: 'refused' })
  await inTransaction((tx) => setUpSecondFactor(tx, secrets, { accountId, email, issuer }))
})

test('a sealed secret opens for its own account and key alone, unaltered', () => {
  const secret = randomBytes(20)
  const sealed = secrets.seal('one', secret)
  expect(secrets.open('one', sealed)).toEqual(secret)
  expect(secrets.seal('one', secret)).not.toBe(sealed)
  const otherKey = new FactorSecrets(randomBytes(32).toString('base64url'))
  expect(() => secrets.open('other', sealed)).toThrow()
  expect(() => otherKey.open('one', sealed)).toThrow()
  const altered = Buffer.from(sealed, 'base64url')
  altered[altered.length - 1]! ^= 1
  expect(() => secrets.open('one', altered.toString('base64url'))).toThrow()
  expect(() => secrets.open('one', '')).toThrow()
})
