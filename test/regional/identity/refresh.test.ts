/** Refresh tokens: each is good once, a repeat that comes soon is given the same, and a theft ends the session. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { REPEAT_SECONDS_MAX } from '../../../regional/modules/identity/refresh-tokens.ts'
import type { SignedIn } from '../../../shared/contracts/identity.ts'
import { parsePosition } from '../../../shared/freshness/position.ts'
import { newCellId } from '../../../shared/ids.ts'
import {
  type Answer,
  ask,
  handClock,
  mustAsk,
  newCustomer,
  newPassword,
  newStaff,
  signIn,
} from '../../support/accounts.ts'
import { auditRows } from '../../support/audit.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { meetingAt } from '../../support/held-rows.ts'

const ROUNDS = 15
const REFRESH = 'post /v1/sessions/refresh'
/** Knowledge of the feed may be two seconds old, and a poll takes its time. */
const ENDED_MS_MAX = 4_000

let cell: TestCell
const clock = handClock()
/** What Postgres is to refuse, once. */
let failing: RegExp | null = null

beforeAll(async () => {
  cell = await startTestCell({
    clock,
    onStatement: (text) => {
      if (failing === null || !failing.test(text)) return
      failing = null
      throw new Error('the process ended')
    },
  })
})
afterAll(() => cell?.close())

function refresh(refreshToken: string): Promise<Answer<SignedIn>> {
  clock.advance(5)
  return ask<SignedIn>(cell, REFRESH, { body: { refreshToken } })
}

async function refreshed(refreshToken: string): Promise<SignedIn> {
  const { status, body } = await refresh(refreshToken)
  expect(body.code).toBeUndefined()
  expect(status).toBe(200)
  return body
}

async function signedIn(): Promise<SignedIn> {
  return await signIn(cell, await newCustomer(cell))
}

/** Moves every use of a session's tokens into the past. */
async function age(sessionId: string, seconds: number): Promise<void> {
  const text = `update refresh_token set used_at = used_at - make_interval(secs => $2)
    where session_id = $1 and used_at is not null`
  await queryRows(cell.url, text, [sessionId, seconds])
}

async function stands(sessionId: string): Promise<boolean> {
  return (await queryRows(cell.url, 'select 1 from session where id = $1', [sessionId])).length > 0
}

async function expectOver({ sessionId, accessToken, accountId }: SignedIn, ...tokens: string[]) {
  for (const token of tokens) {
    const answer = await refresh(token)
    expect(answer).toMatchObject({ status: 401, body: { code: 'refresh.refused' } })
  }
  expect(await stands(sessionId)).toBe(false)
  await vi.waitFor(
    async () => {
      const { status, body } = await ask(cell, 'get /v1/me', { token: accessToken })
      expect({ status, code: body.code }).toEqual({ status: 401, code: 'token.refused' })
    },
    { timeout: ENDED_MS_MAX, interval: 50 },
  )
  const rows = (await auditRows(cell.url)).filter(({ subject }) => subject === sessionId)
  expect(rows.map(({ action, actor }) => [action, actor])).toEqual([
    ['session.begun', accountId],
    ['session.reused', accountId],
  ])
}

describe('a refresh token', () => {
  test('brings the next tokens of the same session, and prolongs it', async () => {
    const first = await signedIn()
    await queryRows(
      cell.url,
      `update session set expires_at = now() + interval '1 minute',
      used_at = now() - interval '1 hour' where id = $1`,
      [first.sessionId],
    )
    const next = await refreshed(first.refreshToken)
    expect(next).toMatchObject({ sessionId: first.sessionId, accountId: first.accountId })
    expect(next.refreshToken).not.toBe(first.refreshToken)
    expect(next.refreshToken.split('.')[0]).toBe(first.refreshToken.split('.')[0])
    await mustAsk(cell, 'get /v1/me', { token: next.accessToken })
    const [session] = await queryRows(
      cell.url,
      `select used_at > now() - interval '1 minute' as used,
      expires_at > now() + interval '50 days' as prolonged from session where id = $1`,
      [first.sessionId],
    )
    expect(session).toEqual({ used: true, prolonged: true })
  })

  test('twice at once, and once more a little later, brings the same successor', async () => {
    const { refreshToken } = await signedIn()
    const answers = await Promise.all([1, 2, 3, 4].map(() => refreshed(refreshToken)))
    answers.push(await refreshed(refreshToken))
    expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1)
    const next = await refreshed(answers[0]!.refreshToken)
    expect(next.refreshToken).not.toBe(answers[0]!.refreshToken)
  })

  test('of which the answer was lost is as good as before', async () => {
    const { refreshToken } = await signedIn()
    failing = /insert into refresh_token/
    expect((await refresh(refreshToken)).status).toBe(500)
    expect(failing).toBeNull()
    const [row] = await queryRows(
      cell.url,
      `select count(*)::int as tokens, count(used_at)::int as used
      from refresh_token where session_id = (select session_id from refresh_token
        order by created_at desc limit 1)`,
    )
    expect(row).toEqual({ tokens: 1, used: 0 })
    const lost = await refreshed(refreshToken)
    expect((await refreshed(refreshToken)).refreshToken).toBe(lost.refreshToken)
  })

  test('whose successor has been used ends the session, for whoever holds either', async () => {
    const first = await signedIn()
    const second = await refreshed(first.refreshToken)
    const third = await refreshed(second.refreshToken)
    await mustAsk(cell, 'get /v1/me', { token: third.accessToken })
    await expectOver(
      third,
      first.refreshToken,
      third.refreshToken,
      second.refreshToken,
      first.refreshToken,
    )
  })

  test('that comes back long after its use ends the session, though its successor was not used', async () => {
    const first = await signedIn()
    const second = await refreshed(first.refreshToken)
    await age(first.sessionId, REPEAT_SECONDS_MAX + 1)
    await expectOver(second, first.refreshToken, second.refreshToken)
  })

  test('within the time for repeats does not', async () => {
    const first = await signedIn()
    const second = await refreshed(first.refreshToken)
    await age(first.sessionId, REPEAT_SECONDS_MAX - 5)
    expect((await refreshed(first.refreshToken)).refreshToken).toBe(second.refreshToken)
    expect(await stands(first.sessionId)).toBe(true)
  })

  test('of a session that has run out is refused', async () => {
    const { refreshToken, sessionId } = await signedIn()
    const text = `update session set expires_at = now() where id = $1`
    await queryRows(cell.url, text, [sessionId])
    expect((await refresh(refreshToken)).status).toBe(401)
  })

  test('that is none, unknown, forged or of another session is one and the same refusal', async () => {
    const [mine, other] = [await signedIn(), await signedIn()]
    const [name, secret] = mine.refreshToken.split('.') as [string, string]
    const [otherName] = other.refreshToken.split('.') as [string]
    const unknown = newCellId('ses', 'eu').replace('ses_', 'rt_')
    const refused = [
      'x'.repeat(64),
      `${name}.${secret.slice(0, -1)}`,
      `${name}.${[...secret].reverse().join('')}`,
      `${otherName}.${secret}`,
      `${unknown}.${secret}`,
      `${name.toUpperCase()}.${secret}`,
      `${mine.refreshToken}=`,
      mine.accessToken.slice(0, 256),
    ]
    const answers: unknown[] = []
    const before = await queryRows(cell.url, 'select * from session order by id')
    for (const token of refused) {
      const { status, headers, body } = await refresh(token)
      answers.push({ status, body, headers: [...headers] })
    }
    expect(answers[0]).toMatchObject({ status: 401, body: { code: 'refresh.refused' } })
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(await queryRows(cell.url, 'select * from session order by id')).toEqual(before)
    await refreshed(mine.refreshToken)
  })

  test('may be tried twenty times in a minute, whatever secret it has', async () => {
    const { refreshToken } = await signedIn()
    const [name] = refreshToken.split('.')
    const guess = (letter: string) =>
      ask(cell, REFRESH, { body: { refreshToken: `${name}.${letter.repeat(43)}` } })
    for (const letter of 'abcdefghijklmnopqrst') expect((await guess(letter)).status).toBe(401)
    const { status, headers } = await guess('u')
    expect(status).toBe(429)
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  })
})

describe('the next access token', () => {
  const owner = async () => (await signIn(cell, await newStaff(cell, 'owner'))).accessToken

  test('has the customer’s group as it is then, and the one before has ended', async () => {
    const first = await signedIn()
    const token = await owner()
    const path = `/v1/staff/customers/${first.accountId}/group` as const
    await mustAsk(cell, 'put /v1/staff/customer-groups/trade', { token, body: { name: 'Trade' } })
    await mustAsk(cell, `put ${path}`, { token, body: { group: 'trade' } })
    const next = await refreshed(first.refreshToken)
    expect(claimsOf(next)).toMatchObject({ role: 'customer', group: 'trade' })
    expect(claimsOf(first)).not.toHaveProperty('group')
    await mustAsk(cell, 'get /v1/me', { token: next.accessToken })
    expect(stampOf(next)).toBeGreaterThan(stampOf(first))
  })

  test('has the roles of staff as they are then', async () => {
    const first = await signIn(cell, await newStaff(cell, 'stock'))
    const path = `/v1/staff/members/${first.accountId}/grants` as const
    const body = { grants: [{ role: 'auditor', channel: 'web' }] }
    await mustAsk(cell, `put ${path}`, { token: await owner(), body })
    expect(claimsOf(first)).toMatchObject({ role: 'staff', scope: expect.not.stringMatching('@') })
    const next = claimsOf(await refreshed(first.refreshToken))
    expect(next.scope).toMatch(/audit:read@web/)
    expect(next.scope).not.toMatch(/inventory:write/)
  })

  test('is given to no closed account', async () => {
    const first = await signedIn()
    const path = `/v1/staff/customers/${first.accountId}/deactivate` as const
    await mustAsk(cell, `post ${path}`, { token: await owner() })
    expect((await refresh(first.refreshToken)).status).toBe(401)
  })

  test('that races with a sign-out is refused, or ends with it', async () => {
    const person = await newCustomer(cell)
    for (let round = 0; round < ROUNDS; round += 1) {
      clock.advance(60)
      const { accessToken: token, refreshToken, sessionId } = await signIn(cell, person)
      const [out, next] = await Promise.all([
        ask(cell, 'post /v1/sessions/end', { token }),
        refresh(refreshToken),
      ])
      expect(out.status).toBe(200)
      expect([200, 401]).toContain(next.status)
      expect(await stands(sessionId)).toBe(false)
      if (next.status === 200) expect((await refresh(next.body.refreshToken)).status).toBe(401)
    }
  })

  test('that is under way when the password is changed is good for nothing', async () => {
    const person = await newCustomer(cell)
    const { accessToken: token, refreshToken, accountId } = await signIn(cell, person)
    // A refresh locks it when it has made the next token, which nobody else sees yet.
    const held = { text: 'select 1 from account where id = $1 for update', values: [accountId] }
    const body = { current: person.password, password: newPassword() }
    const [next, changed] = await meetingAt(cell.url, held, [
      () => refreshed(refreshToken),
      () => mustAsk<SignedIn>(cell, 'put /v1/password', { token, body }),
    ])
    for (const old of [next.refreshToken, refreshToken]) {
      expect((await refresh(old)).status).toBe(401)
    }
    await mustAsk(cell, 'get /v1/me', { token: changed.accessToken })
    await refreshed(changed.refreshToken)
  })
})

function claimsOf({ accessToken }: SignedIn): Record<string, unknown> {
  return JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString())
}

function stampOf(signed: SignedIn): number {
  return parsePosition(String(claimsOf(signed).position), 'cell')!.n
}
