/** better-auth inside our transactions: both realms, every mailed link, and nothing outside what commits. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { AccountLibrary } from '../../../regional/modules/identity/library.ts'
import { keepSeen } from '../../../regional/modules/identity/library-adapter.ts'
import { constraintOf, type Tx } from '../../../regional/platform/database.ts'
import type { Services } from '../../../regional/platform/implement.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { testServices } from '../../support/services.ts'

/** Hashes are opaque here. */
const HASH = `$argon2id$v=19$m=8,t=1,p=1$${'A'.repeat(22)}$${'B'.repeat(43)}`
const NEW_HASH = HASH.replaceAll('B', 'C')
let url: string
let services: Services
let customers: AccountLibrary
let staff: AccountLibrary
const statements: string[] = []

beforeAll(async () => {
  url = await cloneDatabase()
  services = testServices(url, { onStatement: (text) => statements.push(text) })
  const { CELL: cell, AUTH_SECRET: secret } = services.config
  customers = new AccountLibrary({ kind: 'customer', cell, secret })
  staff = new AccountLibrary({ kind: 'staff', cell, secret })
})

afterAll(() => services.close())

async function inTransaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
  return (await services.db.inTransaction(work)).value
}

let people = 0
function newPerson(input: { email?: string; locale?: string | null } = {}) {
  people += 1
  const { email = `person-${people}@example.com`, locale = null } = input
  return { email, name: 'Ada', locale, passwordHash: HASH }
}

async function signedUp(library: AccountLibrary, email?: string) {
  const person = newPerson(email === undefined ? {} : { email })
  return { ...person, ...(await inTransaction((tx) => library.signUp(tx, person))) }
}

async function accountOf(id: string) {
  const [row] = await queryRows<Record<string, unknown>>(
    url,
    `select account.*, password from account join credential on credential.account_id = account.id
    where account.id = $1`,
    [id],
  )
  return row
}

describe('signing up', () => {
  test('opens an account of its realm with its hash, in one transaction', async () => {
    const person = newPerson({ email: 'Ada.Lovelace@Example.com', locale: 'en-GB' })
    const customer = await inTransaction((tx) => customers.signUp(tx, person))
    expect(customer).toEqual({ accountId: expect.stringMatching(/^cus_eu_/), isNew: true })
    expect(await accountOf(customer.accountId)).toMatchObject({
      kind: 'customer',
      email: 'ada.lovelace@example.com',
      email_verified: false,
      name: 'Ada',
      status: 'active',
      customer_group: null,
      locale: 'en-GB',
      two_factor_enabled: false,
      password: HASH,
    })
    const member = await signedUp(staff)
    expect(member.accountId).toMatch(/^stf_eu_/)
    expect(await accountOf(member.accountId)).toMatchObject({ kind: 'staff', locale: null })
  })

  test('leaves nothing behind when the transaction rolls back', async () => {
    const person = newPerson()
    const failed = inTransaction(async (tx) => {
      await customers.signUp(tx, person)
      throw new Error('changed my mind')
    })
    await expect(failed).rejects.toThrow('changed my mind')
    expect(await queryRows(url, 'select 1 from account where email = $1', [person.email])).toEqual(
      [],
    )
    expect(await inTransaction((tx) => customers.signUp(tx, person))).toMatchObject({ isNew: true })
  })

  test('with an address that has an account finds it, and changes nothing', async () => {
    const first = await signedUp(customers)
    const again = { ...newPerson({ email: first.email.toUpperCase() }), passwordHash: NEW_HASH }
    expect(await inTransaction((tx) => customers.signUp(tx, again))).toEqual({
      accountId: first.accountId,
      isNew: false,
    })
    expect(await accountOf(first.accountId)).toMatchObject({ password: HASH })
  })

  test('one address may belong to a customer and to a member of staff', async () => {
    const customer = await signedUp(customers)
    const member = await signedUp(staff, customer.email)
    expect(member).toMatchObject({ isNew: true })
    expect(member.accountId).not.toBe(customer.accountId)
  })

  test('twice at once fails with what the constraint said, not the library', async () => {
    const person = newPerson()
    let failure: unknown
    await inTransaction(async (tx) => {
      await customers.signUp(tx, person)
      const second = services.db.inTransaction((other) => customers.signUp(other, person))
      const refused = second.catch((error: unknown) => {
        failure = error
      })
      await vi.waitFor(async () => {
        const waiting = await queryRows(url, `select 1 from pg_locks where not granted`)
        expect(waiting).toHaveLength(1)
      })
      return { refused }
    }).then(({ refused }) => refused)
    expect(constraintOf(failure)).toBe('account_email')
  })

  test('refuses a password that nobody hashed', async () => {
    const person = { ...newPerson(), passwordHash: 'a password in clear' }
    await expect(inTransaction((tx) => customers.signUp(tx, person))).rejects.toThrow('unhashed')
  })
})

describe('the link that proves an address', () => {
  test('verifies it once, and is taken again without effect', async () => {
    const { email, accountId } = await signedUp(customers)
    const token = await customers.emailToken(email)
    expect(await inTransaction((tx) => customers.verifyEmail(tx, token))).toEqual({ accountId })
    expect(await accountOf(accountId)).toMatchObject({ email_verified: true })
    expect(await inTransaction((tx) => customers.verifyEmail(tx, token))).toBeNull()
  })

  test('of one realm proves nothing in the other', async () => {
    const customer = await signedUp(customers)
    const member = await signedUp(staff, customer.email)
    const token = await customers.emailToken(customer.email)
    await expect(inTransaction((tx) => staff.verifyEmail(tx, token))).rejects.toMatchObject({
      code: 'link.refused',
    })
    expect(await accountOf(member.accountId)).toMatchObject({ email_verified: false })
  })

  test('is refused after a day, altered, or of an address that has no account', async () => {
    const { email } = await signedUp(customers)
    const token = await customers.emailToken(email)
    const altered = token.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'))
    const unknown = await customers.emailToken('nobody@example.com')
    for (const refused of [altered, unknown, 'x', '']) {
      const verified = inTransaction((tx) => customers.verifyEmail(tx, refused))
      await expect(verified).rejects.toMatchObject({ code: 'link.refused' })
    }
    await later(24 * 3_600 + 1, async () => {
      const verified = inTransaction((tx) => customers.verifyEmail(tx, token))
      await expect(verified).rejects.toMatchObject({ code: 'link.refused' })
    })
  })
})

describe('the link for a forgotten password', () => {
  const open = (token: string) =>
    customers.assertResetToken(services.db, token, services.clock.now())
  const reset = (token: string) =>
    inTransaction((tx) => customers.resetPassword(tx, token, NEW_HASH))

  async function tokenFor(email: string): Promise<string> {
    return (await inTransaction((tx) => customers.resetToken(tx, email)))!.token
  }

  test('sets a new password once, and verifies the address', async () => {
    const { email, accountId } = await signedUp(customers)
    const token = await tokenFor(email)
    await open(token)
    expect(await reset(token)).toEqual({ accountId })
    expect(await accountOf(accountId)).toMatchObject({ password: NEW_HASH, email_verified: true })
    await expect(open(token)).rejects.toMatchObject({ code: 'link.refused' })
    await expect(reset(token)).rejects.toMatchObject({ code: 'link.refused' })
  })

  test('is void once another was used', async () => {
    const { email } = await signedUp(customers)
    const [first, second] = [await tokenFor(email), await tokenFor(email)]
    await reset(second)
    await expect(reset(first)).rejects.toMatchObject({ code: 'link.refused' })
  })

  test('is not kept in clear', async () => {
    const { email, accountId } = await signedUp(customers)
    const token = await tokenFor(email)
    const rows = await queryRows(url, 'select * from verification where value = $1', [accountId])
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(token)
  })

  test('can be used again when the transaction rolled back', async () => {
    const { email, accountId } = await signedUp(customers)
    const token = await tokenFor(email)
    const failed = inTransaction(async (tx) => {
      await customers.resetPassword(tx, token, NEW_HASH)
      throw new Error('changed my mind')
    })
    await expect(failed).rejects.toThrow('changed my mind')
    expect(await accountOf(accountId)).toMatchObject({ password: HASH })
    expect(await reset(token)).toEqual({ accountId })
  })

  test('there is none for an unknown address, the other realm, or a closed account', async () => {
    const { email, accountId } = await signedUp(customers)
    const token = await tokenFor(email)
    await queryRows(url, `update account set status = 'deactivated' where id = $1`, [accountId])
    const member = await signedUp(staff)
    for (const address of ['nobody@example.com', member.email, email]) {
      expect(await inTransaction((tx) => customers.resetToken(tx, address))).toBeNull()
    }
    await expect(open(token)).rejects.toMatchObject({ code: 'link.refused' })
    await expect(reset(token)).rejects.toMatchObject({ code: 'link.refused' })
    expect(await accountOf(accountId)).toMatchObject({ password: HASH, email_verified: false })
  })

  test('of one realm sets nothing in the other, and is not used up by trying', async () => {
    const { email } = await signedUp(customers)
    const token = await tokenFor(email)
    const tried = inTransaction((tx) => staff.resetPassword(tx, token, NEW_HASH))
    await expect(tried).rejects.toMatchObject({ code: 'link.refused' })
    await reset(token)
  })

  test('is refused after an hour', async () => {
    const { email } = await signedUp(customers)
    const token = await tokenFor(email)
    await later(3_601, async () => {
      await expect(reset(token)).rejects.toMatchObject({ code: 'link.refused' })
      await expect(
        customers.assertResetToken(services.db, token, new Date()),
      ).rejects.toMatchObject({ code: 'link.refused' })
    })
  })
})

test('a database that fails is told as it failed, and nothing is printed', async () => {
  const { email } = await signedUp(customers)
  const printed = (['log', 'info', 'warn', 'error', 'debug'] as const).map((method) =>
    vi.spyOn(console, method).mockImplementation(() => {}),
  )
  const failed = inTransaction(async (tx) => {
    const broken = { ...tx, query: { ...tx.query, select: failing, insert: failing } as never }
    return await customers.resetToken(broken, email)
  })
  await expect(failed).rejects.toThrow('the database is gone')
  await inTransaction((tx) => customers.signUp(tx, newPerson({ email })))
  for (const method of printed) {
    expect(method).not.toHaveBeenCalled()
    method.mockRestore()
  }
})

test('outside a transaction the library has no database', async () => {
  await expect(keepSeen({ user: {} })).rejects.toThrow('outside a transaction')
})

test('what each call costs in statements', async () => {
  const count = async (work: () => Promise<unknown>) => {
    const before = statements.length
    await work()
    return statements.slice(before).filter((text) => !/^(begin|commit)$/.test(text)).length
  }
  const person = newPerson()
  const { email } = person
  const token = await customers.emailToken(email)
  let reset = ''
  const signUp = () => inTransaction((tx) => customers.signUp(tx, person))
  expect(await count(signUp)).toBe(3)
  expect(await count(signUp)).toBe(1)
  expect(await count(() => inTransaction((tx) => customers.verifyEmail(tx, token)))).toBe(2)
  const asked = await count(async () => {
    reset = (await inTransaction((tx) => customers.resetToken(tx, email)))!.token
  })
  expect(asked).toBe(2)
  const setting = () => inTransaction((tx) => customers.resetPassword(tx, reset, NEW_HASH))
  expect(await count(setting)).toBeLessThanOrEqual(7)
})

function failing(): never {
  throw new Error('the database is gone')
}

/** The library reads the time itself. */
async function later(seconds: number, work: () => Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1_000 })
  try {
    await work()
  } finally {
    vi.useRealTimers()
  }
}
