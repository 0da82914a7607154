/** Signing in with a second factor, and what staff may do without one where it is asked of them. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { FAILED_MAX, LOCK_SECONDS } from '../../../regional/modules/identity/second-factor.ts'
import { CHALLENGE_SECONDS } from '../../../regional/modules/identity/sign-in.ts'
import type { SignedIn } from '../../../shared/contracts/identity.ts'
import {
  addFactor,
  ask,
  challengeFor,
  type FactorHolder,
  handClock,
  mailedToken,
  mustAsk,
  newPassword,
  newStaff,
  signIn,
  trySignIn,
} from '../../support/accounts.ts'
import { auditRows } from '../../support/audit.ts'
import { authenticatorOf } from '../../support/authenticator.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { meetingAt } from '../../support/held-rows.ts'
import { settle } from '../../support/reactions.ts'

const REFUSED = { status: 401, body: { code: 'credentials.refused' } }
const DONE = { status: 200, body: { status: 'done' } }
const STEP_SECONDS = 30
/** Knowledge of the feed may be two seconds old, and a poll takes its time. */
const ENDED_MS_MAX = 4_000

let cell: TestCell
/** Where a second factor is asked of staff. */
let strict: TestCell
const clock = handClock()

beforeAll(async () => {
  cell = await startTestCell({ clock })
  strict = await startTestCell({ clock, config: { STAFF_SECOND_FACTOR: 'required' } })
})
afterAll(async () => {
  await cell?.close()
  await strict?.close()
})

/** Somebody with a factor, at a time at which their device shows a new code. */
async function holder(): Promise<FactorHolder> {
  const made = await addFactor(cell, await newStaff(cell, 'stock'))
  clock.advance(STEP_SECONDS)
  return made
}

const complete = (challenge: string, code: string) =>
  ask<SignedIn>(cell, 'post /v1/sessions/second-factor', { body: { challenge, code } })

/** Six digits that the device shows at no time near. */
function wrongCode({ code }: Pick<FactorHolder, 'code'>): string {
  const near = [-60, -30, 0, 30, 60].map((off) =>
    code(new Date(clock.now().getTime() + off * 1_000)),
  )
  return ['000000', '000001', '000002', '000003', '000004', '000005'].find(
    (each) => !near.includes(each),
  )!
}

async function expectEnded(at: TestCell, { accessToken: token }: SignedIn): Promise<void> {
  await vi.waitFor(async () => expect((await ask(at, 'get /v1/me', { token })).status).toBe(401), {
    timeout: ENDED_MS_MAX,
    interval: 50,
  })
}

async function actionsSince(known: number): Promise<string[]> {
  return (await auditRows(cell.url)).slice(known).map(({ action }) => action)
}

describe('a sign-in by password', () => {
  test('is only half of it: no token is given, and the device’s code completes it', async () => {
    const member = await holder()
    const known = (await auditRows(cell.url)).length
    const half = await trySignIn(cell, member)
    expect(half).toMatchObject({
      status: 200,
      body: { status: 'second_factor_needed', expiresInSeconds: CHALLENGE_SECONDS },
    })
    expect(Object.keys(half.body).sort()).toEqual(['challenge', 'expiresInSeconds', 'status'])
    expect(await actionsSince(known)).toEqual([])
    const { challenge } = half.body as { challenge: string }
    const { status, body } = await complete(challenge, member.code(clock.now()))
    expect(status).toBe(200)
    const me = await mustAsk(cell, 'get /v1/me', { token: body.accessToken })
    expect(me).toMatchObject({ email: member.email, secondFactor: true })
    expect(await actionsSince(known)).toEqual(['session.begun'])
  })

  test('with the wrong password tells nobody that there is a second factor', async () => {
    const member = await holder()
    const plain = await newStaff(cell)
    const [one, other] = [
      await trySignIn(cell, { ...member, password: newPassword() }),
      await trySignIn(cell, { ...plain, password: newPassword() }),
    ]
    expect(one).toMatchObject(REFUSED)
    expect(other.body).toEqual(one.body)
  })
})

describe('a challenge', () => {
  test('may be tried again after a wrong code, which is recorded, and is good once', async () => {
    const member = await holder()
    const challenge = await challengeFor(cell, member)
    const known = (await auditRows(cell.url)).length
    expect(await complete(challenge, wrongCode(member))).toMatchObject(REFUSED)
    const right = member.code(clock.now())
    const answers = await Promise.all([1, 2, 3].map(() => complete(challenge, right)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401])
    clock.advance(STEP_SECONDS)
    expect(await complete(challenge, member.code(clock.now()))).toMatchObject(REFUSED)
    const actions = await actionsSince(known)
    expect(actions.filter((action) => action === 'session.begun')).toHaveLength(1)
    expect(actions[0]).toBe('session.refused')
  })

  test('takes no code of another’s device, none twice, and none that is unknown itself', async () => {
    const [member, other] = [await holder(), await holder()]
    const challenge = await challengeFor(cell, member)
    expect(await complete(challenge, other.code(clock.now()))).toMatchObject(REFUSED)
    expect(await complete(challenge, other.backupCodes[0]!)).toMatchObject(REFUSED)
    const code = member.code(clock.now())
    expect((await complete(challenge, code)).status).toBe(200)
    expect(await complete(await challengeFor(cell, member), code)).toMatchObject(REFUSED)
    clock.advance(STEP_SECONDS)
    expect(await complete(newPassword(), member.code(clock.now()))).toMatchObject(REFUSED)
  })

  test('is refused when its time is over', async () => {
    const member = await holder()
    const challenge = await challengeFor(cell, member)
    await queryRows(cell.url, 'update verification set expires_at = now()')
    expect(await complete(challenge, member.code(clock.now()))).toMatchObject(REFUSED)
  })

  test.each([
    [
      'the password was changed',
      async (member: FactorHolder, { accessToken: token }: SignedIn) => {
        const body = { current: member.password, password: newPassword() }
        await mustAsk(cell, 'put /v1/password', { token, body })
      },
    ],
    [
      'the password was reset',
      async ({ email }: FactorHolder) => {
        await mustAsk(cell, 'post /v1/password/forgot', { body: { email, kind: 'staff' } })
        await settle(cell)
        const body = { token: await mailedToken({ email }), password: newPassword() }
        await mustAsk(cell, 'post /v1/password/reset', { body })
      },
    ],
    [
      'the account was closed',
      async ({ email }: FactorHolder) => {
        const text = `update account set status = 'deactivated' where email = $1`
        await queryRows(cell.url, text, [email])
      },
    ],
  ])('is refused once %s', async (_, happen) => {
    const member = await holder()
    const challenge = await challengeFor(cell, member)
    const other = await complete(await challengeFor(cell, member), member.backupCodes[0]!)
    await happen(member, other.body)
    expect(await complete(challenge, member.code(clock.now()))).toMatchObject(REFUSED)
  })

  test('takes a backup code, once, when the device is lost', async () => {
    const member = await holder()
    const [first, second] = member.backupCodes as [string, string]
    expect((await complete(await challengeFor(cell, member), first)).status).toBe(200)
    const challenge = await challengeFor(cell, member)
    expect(await complete(challenge, first)).toMatchObject(REFUSED)
    expect((await complete(challenge, second.toLowerCase())).status).toBe(200)
  })

  test('waits after too many wrong codes, whichever they were given for, and then goes on', async () => {
    const member = await holder()
    for (let count = 0; count < FAILED_MAX; count += 1) {
      clock.advance(60)
      const challenge = await challengeFor(cell, member)
      expect(await complete(challenge, wrongCode(member))).toMatchObject(REFUSED)
    }
    const challenge = await challengeFor(cell, member)
    const locked = await complete(challenge, member.code(clock.now()))
    expect(locked).toMatchObject({ status: 429, body: { code: 'limit.exceeded' } })
    expect(Number(locked.headers.get('retry-after'))).toBe(LOCK_SECONDS)
    clock.advance(LOCK_SECONDS)
    const { status } = await complete(challenge, member.code(clock.now()))
    expect(status).toBe(200)
  })
})

describe('a second factor', () => {
  const begin = (token: string, password: string) =>
    ask<{ uri: string }>(cell, 'post /v1/second-factor', { token, body: { password } })
  const confirm = (token: string, code: string) =>
    ask(cell, 'post /v1/second-factor/confirm', { token, body: { code } })
  const remove = (token: string, password: string, code: string) =>
    ask(cell, 'post /v1/second-factor/remove', { token, body: { password, code } })

  test('is begun by who knows the password, and in force once a code was shown', async () => {
    const member = await newStaff(cell, 'stock')
    const [mine, other] = [await signIn(cell, member), await signIn(cell, member)]
    const token = mine.accessToken
    const absent = { status: 409, body: { code: 'factor.absent' } }
    expect(await confirm(token, '000000')).toMatchObject(absent)
    expect(await remove(token, member.password, '000000')).toMatchObject(absent)
    expect(await begin(token, newPassword())).toMatchObject(REFUSED)
    const { body } = await begin(token, member.password)
    const code = authenticatorOf(body.uri)
    await signIn(cell, member)
    expect(await confirm(token, wrongCode({ code }))).toMatchObject(REFUSED)
    expect(await confirm(token, code(clock.now()))).toMatchObject(DONE)
    await challengeFor(cell, member)
    // Their tokens said less than the next may, and the other session never showed the factor.
    await Promise.all([expectEnded(cell, mine), expectEnded(cell, other)])
    const refresh = ({ refreshToken }: SignedIn) =>
      ask<SignedIn>(cell, 'post /v1/sessions/refresh', { body: { refreshToken } })
    expect((await refresh(other)).status).toBe(401)
    const next = (await refresh(mine)).body.accessToken
    const present = { status: 409, body: { code: 'factor.present' } }
    expect(await begin(next, member.password)).toMatchObject(present)
    const rows = (await auditRows(cell.url)).filter(({ subject }) => subject === mine.accountId)
    expect(rows.map(({ actor, action }) => [actor === mine.accountId, action])).toEqual([
      [true, 'password.refused'],
      [true, 'second_factor.begun'],
      [true, 'second_factor.confirmed'],
    ])
  })

  test('is taken away with the password and a code, and then is not asked for', async () => {
    const member = await holder()
    const { body } = await complete(await challengeFor(cell, member), member.backupCodes[0]!)
    const { accessToken: token, accountId } = body
    const right = () => member.code(clock.now())
    expect(await remove(token, newPassword(), right())).toMatchObject(REFUSED)
    expect(await remove(token, member.password, wrongCode(member))).toMatchObject(REFUSED)
    await challengeFor(cell, member)
    expect(await remove(token, member.password, right())).toMatchObject(DONE)
    await expectEnded(cell, body)
    await signIn(cell, member)
    const rows = (await auditRows(cell.url)).filter(({ subject }) => subject === accountId)
    expect(rows.map(({ action }) => action).slice(-3)).toEqual([
      'password.refused',
      'second_factor.refused',
      'second_factor.removed',
    ])
  })

  test('that is put in force while somebody signs in without it is asked of them, or ends them', async () => {
    const member = await newStaff(cell, 'stock')
    const { accessToken: token, accountId } = await signIn(cell, member)
    const { body } = await begin(token, member.password)
    const code = authenticatorOf(body.uri)(clock.now())
    const held = { text: 'select 1 from account where id = $1 for update', values: [accountId] }
    const [begun, confirmed] = await meetingAt(cell.url, held, [
      () => trySignIn(cell, member),
      () => confirm(token, code),
    ])
    expect(confirmed).toMatchObject(DONE)
    if (begun.body.status === 'second_factor_needed') return
    const { refreshToken } = begun.body as SignedIn
    const next = await ask(cell, 'post /v1/sessions/refresh', { body: { refreshToken } })
    expect(next).toMatchObject({ status: 401, body: { code: 'refresh.refused' } })
  })

  test('that is put in force first is asked of who signs in after it', async () => {
    const member = await newStaff(cell, 'stock')
    const { accessToken: token, accountId } = await signIn(cell, member)
    const { body } = await begin(token, member.password)
    const code = authenticatorOf(body.uri)(clock.now())
    const held = { text: 'select 1 from account where id = $1 for update', values: [accountId] }
    const [, begun] = await meetingAt(cell.url, held, [
      () => confirm(token, code),
      () => trySignIn(cell, member),
    ])
    expect(begun.body).toMatchObject({ status: 'second_factor_needed' })
  })
})

describe('where it is asked of staff', () => {
  test('who has none has no scope until it is in force, and then has their own', async () => {
    const member = await newStaff(strict, 'owner')
    const before = await signIn(strict, member)
    const token = before.accessToken
    expect((await mustAsk(strict, 'get /v1/me', { token })).scopes).toEqual([])
    const denied = await ask(strict, 'get /v1/staff/members', { token })
    expect(denied).toMatchObject({ status: 403, body: { code: 'access.denied' } })
    const made = await addFactor(strict, member)
    expect((await ask(strict, 'get /v1/staff/members', { token })).status).not.toBe(200)
    clock.advance(STEP_SECONDS)
    const challenge = await challengeFor(strict, made)
    const body = { challenge, code: made.code(clock.now()) }
    const signed = await mustAsk<SignedIn>(strict, 'post /v1/sessions/second-factor', { body })
    await mustAsk(strict, 'get /v1/staff/members', { token: signed.accessToken })
    const me = await mustAsk(strict, 'get /v1/me', { token: signed.accessToken })
    expect(me.scopes).toContain('staff:write')
  })

  test('who takes it away has no scope from then on', async () => {
    const made = await addFactor(strict, await newStaff(strict, 'owner'))
    clock.advance(STEP_SECONDS)
    const challenge = await challengeFor(strict, made)
    const signed = await mustAsk<SignedIn>(strict, 'post /v1/sessions/second-factor', {
      body: { challenge, code: made.code(clock.now()) },
    })
    const { accessToken: token, refreshToken } = signed
    const body = { password: made.password, code: made.backupCodes[0]! }
    await mustAsk(strict, 'post /v1/second-factor/remove', { token, body })
    await expectEnded(strict, signed)
    const next = await mustAsk<SignedIn>(strict, 'post /v1/sessions/refresh', {
      body: { refreshToken },
    })
    expect((await mustAsk(strict, 'get /v1/me', { token: next.accessToken })).scopes).toEqual([])
  })
})
