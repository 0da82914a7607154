/** Setting a new password, by a link and by the old one: whatever was begun under the old one ends. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { RESET_SECONDS } from '../../../regional/modules/identity/library.ts'
import type { SignedIn } from '../../../shared/contracts/identity.ts'
import {
  ask,
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
import { auditRows } from '../../support/audit.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { meetingAt } from '../../support/held-rows.ts'
import { mailsTo } from '../../support/mail.ts'
import { settle } from '../../support/reactions.ts'

const CHECK_EMAIL = { status: 200, body: { status: 'check_email' } }
const DONE = { status: 200, body: { status: 'done' } }
const LINK_REFUSED = { status: 410, body: { code: 'link.refused' } }
const REFUSED = { status: 401, body: { code: 'credentials.refused' } }
/** Knowledge of the feed may be two seconds old, and a poll takes its time. */
const ENDED_MS_MAX = 4_000

let cell: TestCell
beforeAll(async () => {
  cell = await startTestCell()
})
afterAll(() => cell?.close())

async function expectEnded({ accessToken: token, refreshToken }: SignedIn): Promise<void> {
  await vi.waitFor(
    async () => {
      const { status, body } = await ask(cell, 'get /v1/me', { token })
      expect({ status, code: body.code }).toEqual({ status: 401, code: 'token.refused' })
    },
    { timeout: ENDED_MS_MAX, interval: 50 },
  )
  const next = await ask(cell, 'post /v1/sessions/refresh', { body: { refreshToken } })
  expect(next).toMatchObject({ status: 401, body: { code: 'refresh.refused' } })
}

async function actionsOf({ email, kind }: Person): Promise<string[]> {
  const text = 'select id from account where email = $1 and kind = $2'
  const [account] = await queryRows<{ id: string }>(cell.url, text, [email, kind])
  const rows = (await auditRows(cell.url)).filter(({ subject }) => subject === account!.id)
  expect(JSON.stringify(rows)).not.toContain(email)
  return rows.map(({ action }) => action).filter((action) => action.startsWith('password.'))
}

/** Asks for a link. @returns the token that is mailed. */
async function forgot(person: Person): Promise<string> {
  const { email, kind } = person
  const body = { email: email.toUpperCase(), kind }
  expect(await ask(cell, 'post /v1/password/forgot', { body })).toMatchObject(CHECK_EMAIL)
  await settle(cell)
  return await mailedToken(person)
}

const reset = (token: string, password: string) =>
  ask(cell, 'post /v1/password/reset', { body: { token, password } })
const change = ({ accessToken: token }: SignedIn, current: string, password: string) =>
  ask<SignedIn>(cell, 'put /v1/password', { token, body: { current, password } })

const kinds: [Person['kind'], () => Promise<Person>][] = [
  ['customer', () => newCustomer(cell)],
  ['staff', () => newStaff(cell, 'stock')],
]

describe('a link for a forgotten password', () => {
  test.each(kinds)(
    'of %s sets it once, ends every session and token, and tells of it',
    async (_, make) => {
      const person = await make()
      const sessions = [await signIn(cell, person), await signIn(cell, person)]
      const [older, token] = [await forgot(person), await forgot(person)]
      const password = newPassword()
      expect(await reset(token, password)).toMatchObject(DONE)
      for (const session of sessions) await expectEnded(session)
      for (const used of [token, older]) {
        expect(await reset(used, newPassword())).toMatchObject(LINK_REFUSED)
      }
      expect(await trySignIn(cell, person)).toMatchObject(REFUSED)
      await signIn(cell, { ...person, password })
      expect(await actionsOf(person)).toEqual(['password.reset'])
      await settle(cell)
      const subjects = (await mailsTo(person.email)).map(({ subject }) => subject)
      expect(subjects.filter((subject) => /changed|geändert/.test(subject))).toHaveLength(1)
    },
  )

  test('of one kind opens no account of the other with the same address', async () => {
    const customer = await newCustomer(cell)
    const member = await newStaff(cell)
    await queryRows(cell.url, 'update account set email = $1 where email = $2', [
      customer.email,
      member.email,
    ])
    const token = await forgot(customer)
    expect(await reset(token, newPassword())).toMatchObject(DONE)
    await signIn(cell, { ...member, email: customer.email })
    expect((await trySignIn(cell, customer)).status).toBe(401)
  })

  test('proves the address too', async () => {
    const person = await signedUp(cell)
    const password = newPassword()
    expect(await reset(await forgot(person), password)).toMatchObject(DONE)
    await signIn(cell, { ...person, password })
  })

  test('is mailed to nobody without an active account, and the answer is the same', async () => {
    const [closed, member] = [await newCustomer(cell), await newStaff(cell)]
    await queryRows(cell.url, `update account set status = 'deactivated' where email = $1`, [
      closed.email,
    ])
    const known = await newCustomer(cell)
    const asked = [
      { email: known.email, kind: 'customer' },
      { email: closed.email, kind: 'customer' },
      { email: member.email, kind: 'customer' },
      { email: newAddress(), kind: 'staff' },
    ]
    const answers: unknown[] = []
    for (const body of asked) {
      const {
        status,
        headers,
        body: answer,
      } = await ask(cell, 'post /v1/password/forgot', { body })
      answers.push({ status, answer, headers: [...headers] })
    }
    for (const answer of answers) expect(answer).toEqual(answers[0])
    await settle(cell)
    const linksTo = async (email: string) =>
      (await mailsTo(email, 0)).filter(({ text }) => text.includes('/reset-password#'))
    expect(await linksTo(known.email)).toHaveLength(1)
    for (const { email } of asked.slice(1)) expect(await linksTo(email)).toEqual([])
  })

  test('is refused when it is an hour old, unknown, or of an account that was closed since', async () => {
    const [late, closed] = [await newCustomer(cell), await newCustomer(cell)]
    const [lateToken, closedToken] = [await forgot(late), await forgot(closed)]
    await queryRows(cell.url, `update account set status = 'deactivated' where email = $1`, [
      closed.email,
    ])
    expect(await reset(closedToken, newPassword())).toMatchObject(LINK_REFUSED)
    expect(await reset(newPassword(), newPassword())).toMatchObject(LINK_REFUSED)
    const text = `update verification set expires_at = expires_at - make_interval(secs => $1)`
    await queryRows(cell.url, text, [RESET_SECONDS])
    expect(await reset(lateToken, newPassword())).toMatchObject(LINK_REFUSED)
    await signIn(cell, late)
  })

  test('that is followed twice at once sets one password', async () => {
    const person = await newCustomer(cell)
    const token = await forgot(person)
    const passwords = [newPassword(), newPassword()]
    const answers = await Promise.all(passwords.map((password) => reset(token, password)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 410])
    for (const [index, password] of passwords.entries()) {
      const { status } = await trySignIn(cell, { ...person, password })
      expect(status).toBe(answers[index]!.status === 200 ? 200 : 401)
    }
  })

  test('does not take a password that nobody may choose, and is still good for another', async () => {
    const token = await forgot(await newCustomer(cell))
    for (const password of ['seven77', `${'a\u0308'.repeat(4)}`]) {
      const { status, body } = await reset(token, password)
      expect({ status, pointer: body.errors?.[0]?.pointer }).toEqual({
        status: 400,
        pointer: '/password',
      })
    }
    expect(await reset(token, newPassword())).toMatchObject(DONE)
  })
})

describe('a change of the password', () => {
  test.each(kinds)(
    'of %s ends all that was begun before, and goes on with new tokens',
    async (_, make) => {
      const person = await make()
      const [mine, other] = [await signIn(cell, person), await signIn(cell, person)]
      const link = await forgot(person)
      const password = newPassword()
      const { status, body: next } = await change(mine, person.password, password)
      expect(status).toBe(200)
      expect(next).toMatchObject({ sessionId: mine.sessionId, accountId: mine.accountId })
      await Promise.all([expectEnded(mine), expectEnded(other)])
      expect(await reset(link, newPassword())).toMatchObject(LINK_REFUSED)
      await mustAsk(cell, 'get /v1/me', { token: next.accessToken })
      const { refreshToken } = next
      await mustAsk(cell, 'post /v1/sessions/refresh', { body: { refreshToken } })
      expect(await trySignIn(cell, person)).toMatchObject(REFUSED)
      await signIn(cell, { ...person, password })
      expect(await actionsOf(person)).toEqual(['password.changed'])
      await settle(cell)
      expect((await mailsTo(person.email))[0]!.subject).toMatch(/changed|geändert/)
    },
  )

  test('with a wrong password changes nothing, is recorded, and may be tried ten times', async () => {
    const person = await newCustomer(cell)
    const mine = await signIn(cell, person)
    const statuses: number[] = []
    for (let count = 0; count < 11; count += 1) {
      statuses.push((await change(mine, newPassword(), newPassword())).status)
    }
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429])
    expect(new Set(await actionsOf(person))).toEqual(new Set(['password.refused']))
    await mustAsk(cell, 'get /v1/me', { token: mine.accessToken })
    await signIn(cell, person)
  })

  test('made twice at once from the same password is made once', async () => {
    const person = await newCustomer(cell)
    const sessions = [await signIn(cell, person), await signIn(cell, person)]
    const passwords = [newPassword(), newPassword()]
    const held = {
      text: 'select 1 from credential where account_id = $1 for update',
      values: [sessions[0]!.accountId],
    }
    const answers = await meetingAt(
      cell.url,
      held,
      sessions.map((session, index) => () => change(session, person.password, passwords[index]!)),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 401])
    await signIn(cell, { ...person, password: passwords[0]! })
    await expectEnded(sessions[1]!)
  })

  test('of a session that ends meanwhile is refused, and leaves the password', async () => {
    const person = await newCustomer(cell)
    const [mine, other] = [await signIn(cell, person), await signIn(cell, person)]
    const held = {
      text: 'delete from session where id = $1',
      values: [mine.sessionId],
    }
    const work = () => change(mine, person.password, newPassword())
    const [answer] = await meetingAt(cell.url, held, [work])
    expect(answer).toMatchObject({ status: 401, body: { code: 'token.refused' } })
    await mustAsk(cell, 'get /v1/me', { token: other.accessToken })
    await signIn(cell, person)
  })
})
