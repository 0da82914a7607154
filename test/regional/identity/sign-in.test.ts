/** Signing in: one refusal for every reason, and a session for who proved to be the one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SignedIn } from '../../../shared/contracts/identity.ts'
import { newCellId } from '../../../shared/ids.ts'
import {
  ask,
  handClock,
  mailedToken,
  mustAsk,
  newAddress,
  newCustomer,
  newPassword,
  newStaff,
  type Person,
  signedUp,
  signIn,
  trySignIn,
} from '../../support/accounts.ts'
import { type AuditRow, auditRows } from '../../support/audit.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { meetingAt } from '../../support/held-rows.ts'
import { mailsTo } from '../../support/mail.ts'
import { settle } from '../../support/reactions.ts'
import { openCart, openShop } from '../../support/shop.ts'

const ROUNDS = 40

let cell: TestCell
const statements: string[] = []
const clock = handClock()

beforeAll(async () => {
  cell = await startTestCell({ clock, onStatement: (text) => statements.push(text) })
  await openShop(cell, [{ sku: 'TEA' }, { sku: 'POT' }])
})
afterAll(() => cell?.close())

async function idOf({ kind, email }: Person): Promise<string> {
  const text = 'select id from account where kind = $1 and email = $2'
  return (await queryRows<{ id: string }>(cell.url, text, [kind, email]))[0]!.id
}

async function newRows(known: number): Promise<AuditRow[]> {
  return (await auditRows(cell.url)).slice(known)
}

/** Everybody who is to be refused, and none for a reason that may be told. */
async function refusedPeople(): Promise<Record<string, Person>> {
  const right = await newCustomer(cell)
  const member = await newStaff(cell, 'stock')
  const [closed, erased] = [await newCustomer(cell), await newCustomer(cell)]
  const owner = (await signIn(cell, await newStaff(cell, 'owner'))).accessToken
  const path = async (person: Person, act: string) =>
    `post /v1/staff/customers/${await idOf(person)}/${act}` as const
  await mustAsk(cell, await path(closed, 'deactivate'), { token: owner })
  await mustAsk(cell, await path(erased, 'erase'), { token: owner })
  return {
    'a wrong password': { ...right, password: newPassword() },
    'a password that nobody may have': { ...right, password: 'x' },
    'an unknown address': { kind: 'customer', email: newAddress(), password: newPassword() },
    'a customer among the staff': { ...right, kind: 'staff' },
    'staff among the customers': { ...member, kind: 'customer' },
    'a closed account': closed,
    'an erased account': erased,
  }
}

describe('who is refused', () => {
  test('learns nothing of why: the answer and what is done for it are the same', async () => {
    const seen = new Map<string, unknown>()
    for (const [reason, person] of Object.entries(await refusedPeople())) {
      statements.length = 0
      const { status, headers, body } = await trySignIn(cell, person)
      expect(status, reason).toBe(401)
      expect(body, reason).toMatchObject({ code: 'credentials.refused' })
      seen.set(reason, { body, headers: [...headers], statements: [...statements] })
    }
    const [first, ...others] = [...seen.values()]
    for (const other of others) expect(other).toEqual(first)
    expect((first as { statements: string[] }).statements.length).toBeGreaterThan(2)
  })

  test('is recorded without a name, an address or an account', async () => {
    const known = (await auditRows(cell.url)).length
    const person = await newCustomer(cell)
    await trySignIn(cell, { ...person, password: newPassword() })
    await trySignIn(cell, { ...person, kind: 'staff' })
    const rows = (await newRows(known)).filter(({ action }) => action === 'session.refused')
    expect(rows).toMatchObject([
      { actor: 'guest', subject: 'customer', contract: 'identity.signIn', detail: null },
      { actor: 'guest', subject: 'staff', contract: 'identity.signIn', detail: null },
    ])
  })

  test('waits as long for an unknown address as for a wrong password', async () => {
    const known = await newCustomer(cell)
    const took: Record<'wrong' | 'unknown', number[]> = { wrong: [], unknown: [] }
    const timed = async (person: Person) => {
      const startedAtMs = performance.now()
      const { status } = await trySignIn(cell, person)
      const ms = performance.now() - startedAtMs
      expect(status).toBe(401)
      return ms
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      clock.advance(60)
      took.wrong.push(await timed({ ...known, password: newPassword() }))
      took.unknown.push(await timed({ ...known, email: newAddress() }))
    }
    const ratio = median(took.unknown) / median(took.wrong)
    expect(ratio).toBeGreaterThan(0.8)
    expect(ratio).toBeLessThan(1.25)
  })

  test('may try ten times in five minutes, and then nobody may, with whatever password', async () => {
    const known = await newCustomer(cell)
    for (const email of [known.email, newAddress()]) {
      for (let count = 0; count < 10; count += 1) {
        const { status } = await trySignIn(cell, { ...known, email, password: newPassword() })
        expect(status).toBe(401)
      }
      statements.length = 0
      const { status, headers, body } = await trySignIn(cell, {
        ...known,
        email: email.toUpperCase(),
      })
      expect({ status, body }).toMatchObject({ status: 429, body: { code: 'limit.exceeded' } })
      expect(Number(headers.get('retry-after'))).toBe(30)
      expect(statements).toEqual([])
    }
    clock.advance(30)
    await signIn(cell, known)
  })

  test('for want of room is told when to come back, and then is let in', async () => {
    const busy = await startTestCell({ config: { PASSWORD_WAIT_MS_MAX: '1000' } })
    try {
      const people = await Promise.all([newCustomer(busy), newCustomer(busy)])
      const strangers = Array.from({ length: 150 }, () => ({ ...people[0]!, email: newAddress() }))
      const answers = await Promise.all(
        [...strangers, ...people].map((each) => trySignIn(busy, each)),
      )
      const refused = answers.filter(({ status }) => status === 503)
      expect(refused.length).toBeGreaterThan(0)
      expect(refused.length).toBeLessThan(answers.length)
      for (const { body, headers } of refused) {
        expect(body).toMatchObject({ code: 'cell.overloaded' })
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      }
      expect(answers.filter(({ status }) => ![200, 401, 503].includes(status))).toEqual([])
      await signIn(busy, people[0]!)
    } finally {
      await busy.close()
    }
  })
})

describe('who signs in', () => {
  test.each(['customer', 'staff'] as const)(
    'as %s is given a session and its tokens',
    async (kind) => {
      const known = (await auditRows(cell.url)).length
      const person = kind === 'staff' ? await newStaff(cell, 'stock') : await newCustomer(cell)
      const given = await signIn(cell, { ...person, email: person.email.toUpperCase() })
      const id = await idOf(person)
      expect(given).toMatchObject({ accountId: id, expiresInSeconds: 600, cartId: null })
      const me = await mustAsk(cell, 'get /v1/me', { token: given.accessToken })
      expect(me).toMatchObject({ id, kind, email: person.email, secondFactor: false })
      expect(me.scopes).toEqual(
        kind === 'staff' ? ['catalogue:read', 'inventory:read', 'inventory:write'] : [],
      )
      const begun = (await newRows(known)).filter(({ action }) => action === 'session.begun')
      expect(begun).toMatchObject([
        { actor: id, subject: given.sessionId, contract: 'identity.signIn', requestId: 'test' },
      ])
    },
  )

  test('has one account a kind, and each its own password', async () => {
    const customer = await newCustomer(cell)
    const member = { ...(await newStaff(cell)), email: customer.email }
    await queryRows(
      cell.url,
      `update account set email = $1 where id = (
      select id from account where kind = 'staff' order by created_at desc limit 1)`,
      [customer.email],
    )
    expect((await signIn(cell, customer)).accountId).toMatch(/^cus_/)
    expect((await signIn(cell, member)).accountId).toMatch(/^stf_/)
    expect((await trySignIn(cell, { ...customer, kind: 'staff' })).status).toBe(401)
    expect((await trySignIn(cell, { ...member, kind: 'customer' })).status).toBe(401)
  })

  test('before the address is proved is refused like who is wrong, and mailed the link', async () => {
    const known = (await auditRows(cell.url)).length
    const owner = await newCustomer(cell)
    const stranger = { ...owner, password: newPassword() }
    await mustAsk(cell, 'post /v1/accounts', {
      body: { email: stranger.email, password: stranger.password },
    })
    const person = await signedUp(cell)
    const told = async (who: Person) => {
      const { status, body } = await trySignIn(cell, who)
      const { requestId, ...words } = body as Record<string, unknown>
      return { status, words }
    }
    const right = await told(person)
    expect(right).toMatchObject({ status: 401, words: { code: 'credentials.refused' } })
    // Else whoever signs an address up would learn whether it had an account.
    expect(await told(stranger)).toEqual(right)
    expect(await told({ ...person, password: newPassword() })).toEqual(right)
    await settle(cell)
    expect(await mailsTo(person.email, 2)).toHaveLength(2)
    const rows = (await newRows(known)).filter(({ action }) => action === 'session.refused')
    expect(rows).toHaveLength(3)
    await mustAsk(cell, 'post /v1/accounts/verify', {
      body: { token: await mailedToken(person), password: person.password },
    })
    expect((await signIn(cell, person)).accountId).toMatch(/^cus_/)
  })

  test('says what device it is, and finds itself among the sessions', async () => {
    const person = await newCustomer(cell)
    const headers = { 'user-agent': 'Teapot/1.0' }
    const { accessToken: token, sessionId } = await signIn(cell, person, { headers })
    const { items } = await mustAsk<{ items: unknown[] }>(cell, 'get /v1/sessions', { token })
    expect(items).toMatchObject([{ id: sessionId, current: true, device: 'Teapot/1.0' }])
  })
})

describe('a guest’s cart', () => {
  const carted = async (person: Person, ...skus: string[]) => {
    const guests = await openCart(
      cell,
      skus.map((sku) => ({ sku, quantity: 2 })),
    )
    return { guests, given: await signIn(cell, person, { cart: guests }) }
  }
  const linesOf = async ({ accessToken: token, cartId }: SignedIn) => {
    const cart = await mustAsk<{ id: string; lines: { sku: string; quantity: number }[] }>(
      cell,
      'get /v1/me/cart',
      { token },
    )
    expect(cart.id).toBe(cartId)
    return cart.lines.map(({ sku, quantity }) => `${sku} ${quantity}`).sort()
  }

  test('becomes the customer’s, and the next is taken into it', async () => {
    const person = await newCustomer(cell)
    const first = await carted(person, 'TEA')
    expect(first.given.cartId).toBe(first.guests.id)
    const second = await carted(person, 'TEA', 'POT')
    expect(second.given.cartId).toBe(first.guests.id)
    expect(await linesOf(second.given)).toEqual(['POT 2', 'TEA 4'])
  })

  test('that is somebody’s, unknown, or not held by its secret is left alone, and nobody is kept out', async () => {
    const owner = await newCustomer(cell)
    const { guests: taken, given } = await carted(owner, 'TEA')
    const guests = await openCart(cell, [{ sku: 'POT', quantity: 1 }])
    const carts = [
      taken,
      { id: guests.id, secret: newPassword() },
      { id: newCellId('cart', 'eu'), secret: guests.secret },
    ]
    for (const cart of carts) {
      expect((await signIn(cell, await newCustomer(cell), { cart })).cartId).toBeNull()
    }
    expect(await linesOf(given)).toEqual(['TEA 2'])
    const still = await cell.call('get', `/v1/carts/${guests.id}`, { cartSecret: guests.secret })
    expect(still.status).toBe(200)
  })

  test('stays the guest’s when the sign-in fails after it was taken in', async () => {
    const person = await newCustomer(cell)
    const guests = await openCart(cell, [{ sku: 'TEA', quantity: 1 }])
    // Audit rows are a transaction's last statement.
    await queryRows(
      cell.url,
      `alter table audit add constraint no_sign_in
      check (action <> 'session.begun') not valid`,
    )
    const failed = await trySignIn(cell, person, { cart: guests })
    await queryRows(cell.url, 'alter table audit drop constraint no_sign_in')
    expect(failed.status).toBe(500)
    const [cart] = await queryRows(cell.url, 'select customer_id from cart where id = $1', [
      guests.id,
    ])
    expect(cart).toEqual({ customer_id: null })
    expect((await signIn(cell, person, { cart: guests })).cartId).toBe(guests.id)
  })
})

describe('the stored password', () => {
  const hashOf = async (person: Person) => {
    const text = 'select password from credential where account_id = $1'
    const [row] = await queryRows<{ password: string }>(cell.url, text, [await idOf(person)])
    return row!.password
  }

  test('that was hashed when hashes cost less is hashed anew, also by two who sign in at once', async () => {
    const person = await newCustomer(cell)
    // From phc-winner-argon2's own test vectors: password `password`, salt `somesalt`.
    const cheap =
      '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
    await queryRows(cell.url, 'update credential set password = $2 where account_id = $1', [
      await idOf(person),
      cheap,
    ])
    const old = { ...person, password: 'password' }
    await Promise.all([signIn(cell, old), signIn(cell, old)])
    expect(await hashOf(person)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    await signIn(cell, old)
  })

  test('that is changed between the comparison and the session refuses the sign-in', async () => {
    const person = await newCustomer(cell)
    const held = {
      text: 'update credential set password = $2 where account_id = $1',
      values: [await idOf(person), await cell.services.passwords.hash(newPassword())],
    }
    const [answer] = await meetingAt(cell.url, held, [() => trySignIn(cell, person)])
    expect(answer).toMatchObject({ status: 401, body: { code: 'credentials.refused' } })
    const id = await idOf(person)
    expect(await queryRows(cell.url, 'select 1 from session where account_id = $1', [id])).toEqual(
      [],
    )
  })

  test('that is changed while a session is begun by the one before ends that session', async () => {
    const person = await newCustomer(cell)
    const cart = await openCart(cell, [{ sku: 'TEA', quantity: 1 }])
    const { accessToken: token } = await signIn(cell, person, { cart })
    // The last that a sign-in locks, when its session is made and nobody sees it yet.
    const held = { text: 'select 1 from cart where id = $1 for update', values: [cart.id] }
    const body = { current: person.password, password: newPassword() }
    const [begun, changed] = await meetingAt(cell.url, held, [
      () => signIn(cell, person),
      () => ask(cell, 'put /v1/password', { token, body }),
    ])
    expect(changed.status).toBe(200)
    const { refreshToken } = begun
    const next = await ask(cell, 'post /v1/sessions/refresh', { body: { refreshToken } })
    expect(next).toMatchObject({ status: 401, body: { code: 'refresh.refused' } })
  })
})

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
