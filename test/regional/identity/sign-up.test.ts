/** Opening an account: one answer for everybody, and only the address's owner learns which. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AccountLibrary } from '../../../regional/modules/identity/library.ts'
import {
  ask,
  handClock,
  mailedToken,
  mustAsk,
  newAddress,
  newCustomer,
  newPassword,
  signedUp,
  signIn,
  trySignIn,
} from '../../support/accounts.ts'
import { auditRows } from '../../support/audit.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { mailsTo } from '../../support/mail.ts'
import { settle } from '../../support/reactions.ts'
import { openCart, openShop, orderBody } from '../../support/shop.ts'

const VERIFY = 'post /v1/accounts/verify'
const DONE = { status: 200, body: { status: 'done' } }
const CHECK_EMAIL = { status: 200, body: { status: 'check_email' } }
const LINK_REFUSED = { status: 410, body: { code: 'link.refused' } }

let cell: TestCell
const clock = handClock()

beforeAll(async () => {
  cell = await startTestCell({ clock })
  await openShop(cell, [{ sku: 'TEA' }])
})
afterAll(() => cell?.close())

interface Row extends Record<string, unknown> {
  id: string
}
const accountsOf = (email: string) =>
  queryRows<Row>(cell.url, 'select * from account where email = $1', [email])

const subjectsTo = async (email: string, count: number) =>
  (await mailsTo(email, count)).map(({ subject }) => subject).sort()

describe('signing up', () => {
  test('opens an account that its address has yet to prove, and is recorded without it', async () => {
    const email = newAddress()
    const body = { email: email.toUpperCase(), password: newPassword(), name: 'Ada' }
    expect(await ask(cell, 'post /v1/accounts', { body })).toMatchObject(CHECK_EMAIL)
    const [account, ...others] = await accountsOf(email)
    expect(others).toEqual([])
    expect(account).toMatchObject({ kind: 'customer', email_verified: false, name: 'Ada' })
    const opened = (await auditRows(cell.url)).filter(({ subject }) => subject === account!.id)
    expect(opened).toMatchObject([
      { actor: account!.id, action: 'account.opened', contract: 'identity.signUp', detail: null },
    ])
    expect(JSON.stringify(opened)).not.toContain('@')
    await settle(cell)
    const [mail] = await mailsTo(email)
    expect(mail!.text).toMatch(/https:\/\/shop\.tradewind\.test\/verify-email#token=/)
  })

  test('without a name gives none, and is mailed in the language that the edge or the shopper chose', async () => {
    const german = await signedUp(cell)
    expect(await accountsOf(german.email)).toMatchObject([{ name: null, locale: 'de' }])
    const english = await signedUp(cell, { locale: 'en-GB' })
    expect(await accountsOf(english.email)).toMatchObject([{ locale: 'en-GB' }])
    expect(await subjectsTo(german.email, 1)).toEqual(['Bestätigen Sie Ihre E-Mail-Adresse'])
    expect(await subjectsTo(english.email, 1)).toEqual(['Confirm your e-mail address'])
  })

  test('with an address that has an account answers alike, changes nothing, and tells its owner', async () => {
    const owner = await newCustomer(cell, { locale: 'en' })
    const before = await accountsOf(owner.email)
    const stranger = { email: owner.email, password: newPassword(), name: 'Somebody else' }
    const fresh = { ...stranger, email: newAddress() }
    const [again, first] = [
      await ask(cell, 'post /v1/accounts', { body: stranger }),
      await ask(cell, 'post /v1/accounts', { body: fresh }),
    ]
    expect(again.body).toEqual(first.body)
    expect([...again.headers]).toEqual([...first.headers])
    expect(await accountsOf(owner.email)).toEqual(before)
    await settle(cell)
    expect(await subjectsTo(owner.email, 2)).toContain('You already have an account')
    await signIn(cell, owner)
    expect((await trySignIn(cell, { ...owner, ...stranger })).status).toBe(401)
  })

  test('with an address that nobody has proved lets its owner choose the password', async () => {
    const thief = await signedUp(cell)
    const owner = await signedUp(cell, { email: thief.email })
    const body = { token: await mailedToken(owner), password: owner.password }
    expect(await ask(cell, 'post /v1/password/reset', { body })).toMatchObject(DONE)
    await signIn(cell, owner)
    expect((await trySignIn(cell, thief)).status).toBe(401)
  })

  test('many times at once opens one account, and answers each alike', async () => {
    const email = newAddress()
    const answers = await Promise.all(
      [1, 2, 3].map(() =>
        ask(cell, 'post /v1/accounts', { body: { email, password: newPassword() } }),
      ),
    )
    for (const answer of answers) expect(answer).toMatchObject(CHECK_EMAIL)
    expect(await accountsOf(email)).toHaveLength(1)
    await settle(cell)
    expect(await mailsTo(email, 3)).toHaveLength(3)
  })

  test('with a password that nobody may choose names the field, and opens nothing', async () => {
    const email = newAddress()
    // The last is eight characters as they are sent, and four once they are composed.
    for (const password of ['short', 'x'.repeat(129), `${'a\u0308'.repeat(4)}`]) {
      const { status, body } = await ask(cell, 'post /v1/accounts', { body: { email, password } })
      expect(status).toBe(400)
      expect(body.errors).toMatchObject([{ in: 'body', pointer: '/password' }])
      expect(JSON.stringify(body)).not.toContain(password)
    }
    expect(await accountsOf(email)).toEqual([])
  })

  test('asks for so many mails an address, and is then refused alike whether it has an account', async () => {
    const known = await newCustomer(cell)
    const tries: [string, number][] = [
      [known.email, 2],
      [newAddress(), 3],
    ]
    for (const [email, left] of tries) {
      const statuses: number[] = []
      for (let count = 0; count <= left; count += 1) {
        const { status, headers } = await ask(cell, 'post /v1/password/forgot', { body: { email } })
        statuses.push(status)
        if (status === 429) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      }
      expect(statuses).toEqual([...Array.from({ length: left }, () => 200), 429])
      const resent = await ask(cell, 'post /v1/accounts/verification', { body: { email } })
      expect(resent).toMatchObject({ status: 429, body: { code: 'limit.exceeded' } })
    }
  })
})

describe('the link that proves an address', () => {
  test('proves it, is recorded once, and followed again changes nothing', async () => {
    const person = await signedUp(cell)
    const token = await mailedToken(person)
    for (let count = 0; count < 2; count += 1) {
      const body = { token, password: person.password }
      expect(await ask(cell, VERIFY, { body })).toMatchObject(DONE)
    }
    const [account] = await accountsOf(person.email)
    expect(account).toMatchObject({ email_verified: true })
    const rows = (await auditRows(cell.url)).filter(({ subject }) => subject === account!.id)
    expect(rows.map(({ action }) => action)).toEqual(['account.opened', 'account.verified'])
  })

  test('proves nothing for who signed up with an address that another reads the mail of', async () => {
    const attacker = await signedUp(cell)
    const token = await mailedToken(attacker)
    const body = { token, password: newPassword() }
    const refused = { status: 401, body: { code: 'credentials.refused' } }
    expect(await ask(cell, VERIFY, { body })).toMatchObject(refused)
    expect(await accountsOf(attacker.email)).toMatchObject([{ email_verified: false }])
    const { email, password } = attacker
    expect(await ask(cell, 'post /v1/sessions', { body: { email, password } })).toMatchObject(
      refused,
    )
  })

  test('of the other realm, forged, cut or altered is refused', async () => {
    const person = await signedUp(cell)
    const token = await mailedToken(person)
    const { CELL, AUTH_SECRET: secret } = cell.services.config
    const staffs = new AccountLibrary({ kind: 'staff', cell: CELL, secret })
    const strangers = new AccountLibrary({
      kind: 'customer',
      cell: CELL,
      secret: Buffer.alloc(32, 7).toString('base64url'),
    })
    const [head, payload, signature] = token.split('.') as [string, string, string]
    const refused = [
      await staffs.emailToken(person.email),
      await strangers.emailToken(person.email),
      `${head}.${payload}.`,
      `${head}.${payload}.${[...signature].reverse().join('')}`,
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.${signature}`,
    ]
    for (const each of refused) {
      const body = { token: each, password: person.password }
      expect(await ask(cell, VERIFY, { body })).toMatchObject(LINK_REFUSED)
    }
    expect(await accountsOf(person.email)).toMatchObject([{ email_verified: false }])
  })

  test('gives the customer what they ordered as a guest, however the address was written', async () => {
    const email = newAddress()
    const guests = await openCart(cell, [{ sku: 'TEA', quantity: 1 }])
    const body = {
      ...orderBody(guests.cart),
      email: email.replace(/^./, (first) => first.toUpperCase()),
    }
    const placed = await cell.call('post', `/v1/carts/${guests.id}/order`, {
      cartSecret: guests.secret,
      body,
    })
    const { id } = (await placed.json()) as { id: string }
    const { accessToken: token } = await signIn(cell, await newCustomer(cell, { email }))
    const mine = await mustAsk<{ items: { id: string }[] }>(cell, 'get /v1/me/orders', { token })
    expect(mine.items.map((order) => order.id)).toEqual([id])
    const other = await signIn(cell, await newCustomer(cell))
    const theirs = await mustAsk(cell, 'get /v1/me/orders', { token: other.accessToken })
    expect(theirs.items).toEqual([])
  })

  test('is sent again to who has not followed it, and to nobody else; the answer is the same', async () => {
    const waiting = await signedUp(cell)
    const proved = await newCustomer(cell)
    const unknown = newAddress()
    for (const { email } of [waiting, proved, { email: unknown }]) {
      const answer = await ask(cell, 'post /v1/accounts/verification', { body: { email } })
      expect(answer).toMatchObject(CHECK_EMAIL)
    }
    await settle(cell)
    expect(await mailsTo(waiting.email, 2)).toHaveLength(2)
    expect(await mailsTo(proved.email, 1)).toHaveLength(1)
    await expect(mailsTo(unknown, 0)).resolves.toEqual([])
    const token = await mailedToken(waiting)
    const body = { token, password: waiting.password }
    expect(await ask(cell, VERIFY, { body })).toMatchObject(DONE)
  })
})
