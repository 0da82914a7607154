/** Where somebody is signed in: looked at, ended, and good for nothing from then on. And what they say of themselves. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { SignedIn } from '../../../shared/contracts/identity.ts'
import { newCellId } from '../../../shared/ids.ts'
import { ask, mustAsk, newCustomer, newStaff, type Person, signIn } from '../../support/accounts.ts'
import { auditRows } from '../../support/audit.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'

const DONE = { status: 200, body: { status: 'done' } }
/** Knowledge of the feed may be two seconds old, and a poll takes its time. */
const ENDED_MS_MAX = 4_000

let cell: TestCell
beforeAll(async () => {
  cell = await startTestCell()
})
afterAll(() => cell?.close())

interface Listed {
  items: { id: string; current: boolean; device: string | null; lastUsedAt: string }[]
}

const idsSeenBy = async ({ accessToken: token }: SignedIn) =>
  (await mustAsk<Listed>(cell, 'get /v1/sessions', { token })).items.map(({ id }) => id)

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

async function expectGood({ accessToken: token }: SignedIn): Promise<void> {
  await mustAsk(cell, 'get /v1/me', { token })
}

async function actionsOn(...subjects: string[]): Promise<unknown[]> {
  const rows = (await auditRows(cell.url)).filter(({ subject }) => subjects.includes(subject))
  return rows.map(({ actor, action, contract }) => [actor, action, contract])
}

const kinds: [string, () => Promise<Person>][] = [
  ['a customer', () => newCustomer(cell)],
  ['staff', () => newStaff(cell, 'stock')],
]

describe.each(kinds)('of %s', (_, newPerson) => {
  test('signing out ends the session that asks, and is recorded', async () => {
    const person = await newPerson()
    const [mine, other] = [await signIn(cell, person), await signIn(cell, person)]
    const out = await ask(cell, 'post /v1/sessions/end', { token: mine.accessToken })
    expect(out).toMatchObject(DONE)
    await expectEnded(mine)
    await expectGood(other)
    expect(await actionsOn(mine.sessionId)).toEqual([
      [mine.accountId, 'session.begun', 'identity.signIn'],
      [mine.accountId, 'session.ended', 'identity.signOut'],
    ])
  })

  test('each is listed with its device, the one used last first', async () => {
    const person = await newPerson()
    const signed: SignedIn[] = []
    for (const device of ['Kettle/1', 'Kettle/2', 'Kettle/3']) {
      signed.push(await signIn(cell, person, { headers: { 'user-agent': device } }))
    }
    const [first, second, third] = signed as [SignedIn, SignedIn, SignedIn]
    const { refreshToken } = first
    await mustAsk(cell, 'post /v1/sessions/refresh', { body: { refreshToken } })
    await queryRows(cell.url, `update session set expires_at = now() where id = $1`, [
      third.sessionId,
    ])
    await signIn(cell, await newPerson())
    const list = await mustAsk<Listed>(cell, 'get /v1/sessions', { token: second.accessToken })
    expect(list.items).toMatchObject([
      { id: first.sessionId, current: false, device: 'Kettle/1' },
      { id: second.sessionId, current: true, device: 'Kettle/2' },
    ])
  })

  test('one of one’s own is ended from another', async () => {
    const person = await newPerson()
    const [lost, mine] = [await signIn(cell, person), await signIn(cell, person)]
    const end = () =>
      ask(cell, `delete /v1/sessions/${lost.sessionId}`, { token: mine.accessToken })
    expect(await end()).toMatchObject(DONE)
    expect(await end()).toMatchObject({ status: 404, body: { code: 'session.unknown' } })
    await expectEnded(lost)
    await expectGood(mine)
    expect(await idsSeenBy(mine)).toEqual([mine.sessionId])
    expect(await actionsOn(lost.sessionId)).toEqual([
      [lost.accountId, 'session.begun', 'identity.signIn'],
      [lost.accountId, 'session.ended', 'identity.endSession'],
    ])
  })

  test('another’s is not known, and neither is one that never was', async () => {
    const mine = await signIn(cell, await newPerson())
    const theirs = await signIn(cell, await newPerson())
    const answers: unknown[] = []
    for (const id of [theirs.sessionId, newCellId('ses', 'eu')]) {
      const { status, body, headers } = await ask(cell, `delete /v1/sessions/${id}`, {
        token: mine.accessToken,
      })
      answers.push({ status, body, headers: [...headers] })
    }
    expect(answers[0]).toMatchObject({ status: 404, body: { code: 'session.unknown' } })
    expect(answers[1]).toEqual(answers[0])
    await expectGood(theirs)
    expect(await idsSeenBy(theirs)).toEqual([theirs.sessionId])
  })

  test('all others are ended at once, and nobody else’s', async () => {
    const person = await newPerson()
    const [one, two, mine] = [
      await signIn(cell, person),
      await signIn(cell, person),
      await signIn(cell, person),
    ]
    const stranger = await signIn(cell, await newPerson())
    const token = mine.accessToken
    expect(await ask(cell, 'delete /v1/sessions', { token })).toMatchObject(DONE)
    await Promise.all([expectEnded(one), expectEnded(two)])
    expect(await idsSeenBy(mine)).toEqual([mine.sessionId])
    await expectGood(stranger)
    expect(await actionsOn(mine.sessionId)).toContainEqual([
      mine.accountId,
      'session.others_ended',
      'identity.endOtherSessions',
    ])
  })

  test('what they say of themselves is changed member by member, and recorded without it', async () => {
    const person = await newPerson()
    const { accessToken: token, accountId } = await signIn(cell, person)
    const change = (body: object) => mustAsk(cell, 'patch /v1/me', { token, body })
    expect(await change({ name: 'Ada Muster' })).toMatchObject({ name: 'Ada Muster' })
    const both = { name: 'Ada Muster', locale: 'en-GB', email: person.email, id: accountId }
    expect(await change({ locale: 'en-GB' })).toMatchObject(both)
    expect(await change({ name: null })).toMatchObject({ ...both, name: null })
    expect(await mustAsk(cell, 'get /v1/me', { token })).toMatchObject({ ...both, name: null })
    const nothing = await ask(cell, 'patch /v1/me', { token, body: {} })
    expect(nothing).toMatchObject({ status: 400, body: { code: 'request.invalid' } })
    const rows = (await auditRows(cell.url)).filter(({ subject }) => subject === accountId)
    const changed = rows.filter(({ action }) => action === 'profile.changed')
    expect(changed).toHaveLength(3)
    expect(JSON.stringify(changed)).not.toMatch(/Muster|@/)
  })
})

test('guests have none', async () => {
  for (const request of [
    'get /v1/me',
    'get /v1/sessions',
    'post /v1/sessions/end',
    'delete /v1/sessions',
  ] as const) {
    const answer = await ask(cell, request)
    expect(answer).toMatchObject({ status: 403, body: { code: 'access.denied' } })
  }
})

test('a session ends in time, however much it is used', async () => {
  const { refreshToken, sessionId } = await signIn(cell, await newStaff(cell))
  const next = await mustAsk<SignedIn>(cell, 'post /v1/sessions/refresh', {
    body: { refreshToken },
  })
  await queryRows(
    cell.url,
    `update session set ends_at = now() + interval '1 minute' where id = $1`,
    [sessionId],
  )
  const last = await mustAsk<SignedIn>(cell, 'post /v1/sessions/refresh', {
    body: { refreshToken: next.refreshToken },
  })
  const [row] = await queryRows<{ bounded: boolean }>(
    cell.url,
    'select expires_at = ends_at as bounded from session where id = $1',
    [sessionId],
  )
  expect(row).toEqual({ bounded: true })
  await queryRows(cell.url, 'update session set expires_at = now() where id = $1', [sessionId])
  const refused = await ask(cell, 'post /v1/sessions/refresh', {
    body: { refreshToken: last.refreshToken },
  })
  expect(refused).toMatchObject({ status: 401, body: { code: 'refresh.refused' } })
})
