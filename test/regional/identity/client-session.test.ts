/** A client's session against a real cell: renewed in time, once for all calls, and kept or ended as the cell says. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type Client,
  createClient,
  Session,
  type SessionTokens,
} from '../../../shared/client/create-client.ts'
import type { SignedIn } from '../../../shared/contracts/identity.ts'
import { Problem } from '../../../shared/problems.ts'
import { newCustomer, type Person, signIn, trySignIn } from '../../support/accounts.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'

const REFRESH = '/v1/sessions/refresh'

let cell: TestCell
let person: Person
let nowMs: number
/** The paths that were asked for, in order. */
let asked: string[]
/** What the next refresh meets on its way back from the cell. */
let mishaps: ((answer: Response) => Promise<Response>)[]
let changes: (SessionTokens | null)[]

beforeAll(async () => {
  cell = await startTestCell()
})
afterAll(() => cell?.close())

beforeEach(async () => {
  person = await newCustomer(cell)
  ;[nowMs, asked, mishaps, changes] = [0, [], [], []]
})

/** The way to the cell and back; who answers is the cell. */
const send: typeof fetch = async (input, init) => {
  const { pathname, search } = new URL(String(input))
  asked.push(pathname)
  const headers = Object.fromEntries(new Headers(init?.headers))
  const body = init?.body == null ? {} : { body: JSON.parse(String(init.body)) }
  const answer = await cell.call(init!.method!, pathname + search, {
    headers,
    idempotencyKey: null,
    ...body,
  })
  const mishap = pathname === REFRESH ? mishaps.shift() : undefined
  return mishap === undefined ? answer : await mishap(answer)
}

function clientWith(session: Session): Client {
  return createClient({ baseUrl: 'http://cell.test', session, fetch: send, delay: async () => {} })
}

function newSession(tokens?: SessionTokens): Session {
  return new Session({
    tokens,
    onChange: (changed) => changes.push(changed),
    now: () => nowMs,
  })
}

async function signedIn(): Promise<{ session: Session; client: Client; tokens: SignedIn }> {
  const session = newSession()
  const tokens = await signIn(cell, person)
  session.begin(tokens)
  return { session, client: clientWith(session), tokens }
}

const refreshes = () => asked.filter((path) => path === REFRESH).length

const cutOff = async () => {
  throw new TypeError('the network is gone')
}
const gatewayFailed = async () => new Response('<html>', { status: 504 })

async function endSession({ sessionId }: SignedIn): Promise<void> {
  await queryRows(cell.url, 'delete from session where id = $1', [sessionId])
}

describe('a session', () => {
  test('gives each call the token of the sign-in, and renews it before it expires', async () => {
    const { client, tokens } = await signedIn()
    nowMs = (tokens.expiresInSeconds - 31) * 1_000
    await client.identity.getMe()
    expect(refreshes()).toBe(0)
    nowMs += 1_000
    expect((await client.identity.getMe()).id).toBe(tokens.accountId)
    expect(refreshes()).toBe(1)
    nowMs += 60_000
    await client.identity.getMe()
    expect(refreshes()).toBe(1)
    expect(changes).toHaveLength(2)
    expect(changes[1]!.refreshToken).not.toBe(tokens.refreshToken)
  })

  test('renews once for all calls that wait', async () => {
    const { client, tokens } = await signedIn()
    nowMs = tokens.expiresInSeconds * 1_000
    const seen = await Promise.all([1, 2, 3, 4, 5].map(() => client.identity.getMe()))
    expect(new Set(seen.map(({ id }) => id))).toEqual(new Set([tokens.accountId]))
    expect(refreshes()).toBe(1)
  })

  test('goes on from the refresh token that was kept', async () => {
    const { refreshToken, accountId } = await signIn(cell, person)
    const session = newSession({ refreshToken, accessToken: 'stale', expiresInSeconds: 600 })
    expect(session.isSignedIn).toBe(true)
    expect((await clientWith(session).identity.getMe()).id).toBe(accountId)
    expect(changes).toMatchObject([{ accessToken: expect.any(String) }])
  })

  test('replaces a token that is refused, once for the calls that met it, and makes them again', async () => {
    const { client, tokens } = await signedIn()
    const { accountId } = tokens
    await cell.services.db.inTransaction(async (tx) => tx.endTokens(`account:${accountId}`))
    await expect.poll(async () => (await me(tokens)).status, { timeout: 4_000 }).toBe(401)
    const seen = await Promise.all([1, 2, 3].map(() => client.identity.getMe()))
    expect(seen.map(({ id }) => id)).toEqual([accountId, accountId, accountId])
    expect(refreshes()).toBe(1)
  })

  test('that has ended is over: the call says so, and it is told once', async () => {
    const { session, client, tokens } = await signedIn()
    await endSession(tokens)
    nowMs = tokens.expiresInSeconds * 1_000
    const calls = [client.identity.getMe(), client.identity.listSessions()]
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'refresh.refused' })
    expect(refreshes()).toBe(1)
    expect(session.isSignedIn).toBe(false)
    expect(changes.at(-1)).toBeNull()
    expect(changes).toHaveLength(2)
    await expect(client.identity.getMe()).rejects.toMatchObject({ code: 'access.denied' })
    expect(refreshes()).toBe(1)
  })

  test('that has ended keeps nobody from signing in again with the same client', async () => {
    const { session, client, tokens } = await signedIn()
    await endSession(tokens)
    nowMs = tokens.expiresInSeconds * 1_000
    const { email, password } = person
    const again = await client.identity.signIn({ body: { email, password } })
    session.begin(again as SignedIn)
    expect((await client.identity.getMe()).id).toBe(tokens.accountId)
    expect(changes.map((change) => change?.refreshToken ?? null)).toEqual([
      tokens.refreshToken,
      null,
      (again as SignedIn).refreshToken,
    ])
  })
})

describe('an answer that is lost', () => {
  test.each([
    ['the network', cutOff],
    ['a gateway', gatewayFailed],
    ['the cell’s end', async () => new Problem('cell.unavailable').toResponse()],
  ])('to %s is asked for again at once, and the session goes on', async (_, mishap) => {
    const { client, tokens } = await signedIn()
    nowMs = tokens.expiresInSeconds * 1_000
    mishaps = [mishap, mishap]
    expect((await client.identity.getMe()).id).toBe(tokens.accountId)
    expect(refreshes()).toBe(3)
    nowMs *= 2
    await client.identity.getMe()
    expect(refreshes()).toBe(4)
  })

  test('again and again fails the call, and leaves the session as it was', async () => {
    const { session, client, tokens } = await signedIn()
    nowMs = tokens.expiresInSeconds * 1_000
    mishaps = [cutOff, cutOff, cutOff]
    await expect(client.identity.getMe()).rejects.toThrow('no answer')
    expect(session.isSignedIn).toBe(true)
    expect(changes).toHaveLength(1)
    expect((await client.identity.getMe()).id).toBe(tokens.accountId)
  })
})

describe('while a renewal is on its way', () => {
  /** Holds the next answer back. */
  function held() {
    const arrival = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    mishaps = [
      async (answer) => {
        arrival.resolve()
        await release.promise
        return answer
      },
    ]
    return { arrived: arrival.promise, release: () => release.resolve() }
  }

  test('a session that is ended stays ended', async () => {
    const { session, client, tokens } = await signedIn()
    nowMs = tokens.expiresInSeconds * 1_000
    const { arrived, release } = held()
    const call = client.identity.getMe()
    await arrived
    session.end()
    release()
    await expect(call).rejects.toMatchObject({ code: 'access.denied' })
    expect(session.isSignedIn).toBe(false)
    expect(changes.at(-1)).toBeNull()
  })

  test('another sign-in takes its place, also when the old session is over', async () => {
    const { session, client, tokens } = await signedIn()
    await endSession(tokens)
    nowMs = tokens.expiresInSeconds * 1_000
    const { arrived, release } = held()
    const call = client.identity.getMe()
    await arrived
    const { body } = await trySignIn(cell, person)
    session.begin(body as SignedIn)
    release()
    expect((await call).id).toBe(tokens.accountId)
    expect(session.isSignedIn).toBe(true)
    await client.identity.getMe()
    expect(refreshes()).toBe(1)
  })
})

async function me({ accessToken: token }: SignedIn): Promise<Response> {
  return await cell.call('get', '/v1/me', { token })
}
