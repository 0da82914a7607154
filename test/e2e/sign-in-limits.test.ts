/** What is tried with an account, or from an address, is limited at the edge, and says nothing of whether there is one. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Services } from '../../regional/platform/implement.ts'
import { LIMIT_POLICIES } from '../../shared/limits/policies.ts'
import { testServices } from '../support/services.ts'
import { openAccount, signInAt } from '../support/sign-in.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

let system: TestSystem
let services: Services
let addresses = 0

beforeAll(async () => {
  system = await startSystem()
  services = testServices(system.databaseUrl)
})
afterAll(() => Promise.all([services.close(), system.close()]))

/** One that nobody else of this file has. */
function newAddress(): string {
  addresses += 1
  return `198.51.100.${addresses}`
}

async function post(path: string, body: object, address = newAddress()) {
  const response = await fetch(system.edgeUrl + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'cf-connecting-ip': address },
    body: JSON.stringify(body),
  })
  const { requestId, ...words } = (await response.json()) as Record<string, unknown>
  const { headers, status } = response
  const told = (name: string) => headers.get(name)
  return {
    status,
    words,
    limit: told('ratelimit'),
    policy: told('ratelimit-policy'),
    retryAfter: told('retry-after'),
    names: [...headers.keys()].sort(),
  }
}

const { quota } = LIMIT_POLICIES['sign-in'].account

test('after so many tries an account waits, from whatever addresses, and one that does not exist alike', async () => {
  const account = await openAccount(services, system.databaseUrl, { kind: 'customer' })
  const tries = async (email: string) => {
    const answers = []
    for (let i = 0; i <= quota; i += 1) {
      answers.push(await post('/v1/sessions', { email, password: 'not the password' }))
    }
    return answers
  }
  const known = await tries(account.email)
  const unknown = await tries('nobody@shoppers.test')
  expect(known.map(({ status }) => status)).toEqual([...Array(quota).fill(401), 429])
  expect(known[0]!.words).toMatchObject({ code: 'credentials.refused' })
  expect(known[quota]!.words).toMatchObject({ code: 'limit.exceeded' })
  for (const [index, answer] of known.entries()) {
    const other = unknown[index]!
    expect({ ...answer, limit: null, retryAfter: null }).toEqual({
      ...other,
      limit: null,
      retryAfter: null,
    })
  }
  // How long the cell took would tell the two apart, were they ever to differ.
  expect(known[0]!.names).not.toContain('server-timing')
  expect(known[0]!.limit).toMatch(/^"sign-in";r=\d+;t=\d+$/)
  expect(known[0]!.policy).toContain('"sign-in"')
  expect(Number(known[quota]!.retryAfter)).toBeGreaterThan(0)
  // Another's account is not kept waiting.
  const other = await openAccount(services, system.databaseUrl, { kind: 'customer' })
  expect((await signInAt(system.edgeUrl, other)).accountId).toBe(other.id)
})

test.each([
  ['/v1/sessions', { password: 'a password' }, LIMIT_POLICIES['sign-in']],
  ['/v1/password/forgot', {}, LIMIT_POLICIES.recovery],
  ['/v1/accounts/verification', {}, LIMIT_POLICIES.recovery],
])(
  'an address that tries many accounts at %s waits, and others do not',
  async (path, body, policy) => {
    const address = newAddress()
    const statuses: number[] = []
    for (let i = 0; i <= policy.address.quota + 5; i += 1) {
      const answer = await post(path, { ...body, email: `somebody-${i}@shoppers.test` }, address)
      statuses.push(answer.status)
      if (answer.status === 429) expect(Number(answer.retryAfter)).toBeGreaterThan(0)
    }
    expect(statuses.slice(0, policy.address.quota)).not.toContain(429)
    expect(statuses).toContain(429)
    const answer = await post(path, { ...body, email: 'one-more@shoppers.test' })
    expect(answer.status).not.toBe(429)
  },
)

test('a session that refreshes without end waits', async () => {
  const account = await openAccount(services, system.databaseUrl, { kind: 'customer' })
  const { refreshToken } = await signInAt(system.edgeUrl, account)
  const named = refreshToken.split('.')[0]!
  const statuses: number[] = []
  for (let i = 0; i <= LIMIT_POLICIES.token.account.quota + 5; i += 1) {
    const guess = `${named}.${String(i).padStart(43, 'A')}`
    statuses.push((await post('/v1/sessions/refresh', { refreshToken: guess })).status)
  }
  expect(new Set(statuses)).toEqual(new Set([401, 429]))
})
