/** Knowing a password: one answer for every no, and nothing hashed while a connection is held. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  accountByOwnPassword,
  accountByPassword,
  replacePassword,
} from '../../../regional/modules/identity/credentials.ts'
import { AccountLibrary } from '../../../regional/modules/identity/library.ts'
import type { Services } from '../../../regional/platform/implement.ts'
import { PasswordHasher } from '../../../regional/platform/passwords.ts'
import { Problem } from '../../../shared/problems.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { testServices } from '../../support/services.ts'

const CHEAP = { memoryKiB: 8, passes: 1, parallelism: 1 }
const PASSWORD = 'a password made up for a test'
let url: string
let services: Services
let passwords: PasswordHasher

beforeAll(async () => {
  url = await cloneDatabase()
  services = testServices(url)
  passwords = hasherOf(CHEAP)
})

afterAll(async () => {
  await passwords.close()
  await services.close()
})

function hasherOf(cost: typeof CHEAP): PasswordHasher {
  return new PasswordHasher({ clock: services.clock, threads: 1, waitMsMax: 60_000, cost })
}

async function signedUp(kind: 'customer' | 'staff', email: string) {
  const { CELL: cell, AUTH_SECRET: secret } = services.config
  const library = new AccountLibrary({ kind, cell, secret })
  const passwordHash = await passwords.hash(PASSWORD)
  const person = { email, name: 'Ada', locale: null, passwordHash }
  const { value } = await services.db.inTransaction((tx) => library.signUp(tx, person))
  return { ...value, passwordHash }
}

function ask(claim: { kind?: 'customer' | 'staff'; email: string; password?: string }) {
  const { kind = 'customer', email, password = PASSWORD } = claim
  return accountByPassword({ db: services.db, passwords }, { kind, email, password })
}

test('the right password finds the account, whatever case the address is in', async () => {
  const { accountId, passwordHash } = await signedUp('customer', 'right@example.com')
  expect(await ask({ email: 'Right@Example.com' })).toEqual({
    id: accountId,
    email: 'right@example.com',
    emailVerified: false,
    name: 'Ada',
    group: null,
    locale: null,
    twoFactorEnabled: false,
    passwordHash,
    rehashed: null,
  })
})

test('a wrong password, an unknown address and a closed account are one and the same no', async () => {
  const { accountId } = await signedUp('customer', 'closed@example.com')
  await signedUp('customer', 'wrong@example.com')
  await queryRows(url, `update account set status = 'deactivated' where id = $1`, [accountId])
  const claims = [
    { email: 'wrong@example.com', password: `${PASSWORD}.` },
    { email: 'nobody@example.com' },
    { email: 'wrong@example.com', kind: 'staff' as const },
    { email: 'closed@example.com' },
    { email: 'wrong@example.com', password: '' },
  ]
  for (const claim of claims) expect(await ask(claim)).toBeNull()
})

test('every no has hashed once', async () => {
  await signedUp('customer', 'counted@example.com')
  const closed = hasherOf(CHEAP)
  await closed.close()
  for (const email of ['counted@example.com', 'nobody@example.com']) {
    const asked = accountByPassword(
      { db: services.db, passwords: closed },
      { kind: 'customer', email, password: PASSWORD },
    )
    await expect(asked).rejects.toBeInstanceOf(Problem)
  }
})

test('a hash that has cost less comes with one that costs what it should', async () => {
  const { accountId, passwordHash } = await signedUp('customer', 'cheap@example.com')
  const dearer = hasherOf({ ...CHEAP, passes: 2 })
  const claim = { kind: 'customer' as const, email: 'cheap@example.com', password: PASSWORD }
  const proven = await accountByPassword({ db: services.db, passwords: dearer }, claim)
  const becomes = proven!.rehashed!
  expect(becomes).toMatch(/,t=2,/)
  const { value } = await services.db.inTransaction((tx) =>
    replacePassword(tx, { accountId, was: passwordHash, becomes }),
  )
  expect(value).toBe(true)
  expect(await ask({ email: claim.email })).toMatchObject({ passwordHash: becomes })
  await dearer.close()
})

test('of two changes at once, the one that compared with an older hash does nothing', async () => {
  const { accountId, passwordHash: was } = await signedUp('customer', 'changed@example.com')
  const [first, second] = [
    await passwords.hash('first new one'),
    await passwords.hash('second new one'),
  ].map((becomes) => ({ accountId, was, becomes }))
  const replace = async (change: NonNullable<typeof first>) =>
    (await services.db.inTransaction((tx) => replacePassword(tx, change))).value
  expect(await replace(first!)).toBe(true)
  expect(await replace(second!)).toBe(false)
  expect(await ask({ email: 'changed@example.com', password: 'first new one' })).not.toBeNull()
})

test('an account is asked for its own password by its id', async () => {
  const { accountId } = await signedUp('staff', 'own@example.com')
  const own = (password: string, id = accountId) =>
    accountByOwnPassword({ db: services.db, passwords }, { accountId: id, password })
  expect(await own(PASSWORD)).toMatchObject({ id: accountId })
  expect(await own(`${PASSWORD}.`)).toBeNull()
  expect(await own(PASSWORD, 'stf_eu_unknown')).toBeNull()
})
