/** Guessing is slowed down by address and by account, at each edge and for all of them in the cell. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LIMIT_POLICIES } from '../../shared/limits/policies.ts'
import { expectRefused, refusalOf } from '../support/refusals.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

const { account: BY_ACCOUNT, address: BY_ADDRESS } = LIMIT_POLICIES['sign-in']
const KNOWN = 'ada@example.com'

let system: TestSystem
let hosts = 0

/** Of nobody so far. */
function newAddress(): string {
  hosts += 1
  return `198.51.${100 + (hosts >> 8)}.${hosts & 255}`
}

beforeAll(async () => {
  system = await startSystem({ edges: 2 })
  const password = randomBytes(16).toString('hex')
  const opened = await post(0, '/v1/accounts', { email: KNOWN, password })
  expect(opened.status).toBe(200)
})
afterAll(() => system?.close())

function post(edge: number, path: string, body: unknown, from = newAddress()): Promise<Response> {
  return fetch(system.edgeUrls[edge] + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'cf-connecting-ip': from },
    body: JSON.stringify(body),
  })
}

const guess = (edge: number, email: string, from?: string) =>
  post(edge, '/v1/sessions', { email, password: randomBytes(8).toString('hex') }, from)

/** Everything that a guesser sees of an answer. */
async function seen(answer: Response) {
  const { requestId, ...words } = await refusalOf(answer)
  const { headers, status } = answer
  const named = ['ratelimit', 'ratelimit-policy', 'retry-after'].map((name) => headers.get(name))
  return { status, words, named }
}

/** Buckets refill while a guesser waits, on a slow machine by more than one. */
const TRIES_MAX = 2 * BY_ADDRESS.quota

/** Every answer up to the first that is refused for how often was asked. */
async function untilRefused(ask: (time: number) => Promise<Response>): Promise<Response[]> {
  const answers: Response[] = []
  while (answers.at(-1)?.status !== 429 && answers.length < TRIES_MAX) {
    answers.push(await ask(answers.length))
  }
  expect(answers.at(-1)!.status).toBe(429)
  return answers
}

describe('an account', () => {
  test('is tried so often from all addresses, and it makes no difference whether there is one', async () => {
    const answersTo = async (email: string) => {
      const answers = await untilRefused(() => guess(0, email))
      return await Promise.all(answers.map(seen))
    }
    const known = await answersTo(KNOWN)
    const unknown = await answersTo('nobody@example.com')
    expect(known.length).toBeGreaterThan(BY_ACCOUNT.quota)
    expect(known[0]!.words.code).toBe('credentials.refused')
    expect(unknown[0]).toEqual(known[0])
    for (const answers of [known, unknown]) {
      const words = answers.map(({ words, status }) => JSON.stringify([status, words]))
      expect(new Set(words.slice(0, -1))).toEqual(new Set([words[0]]))
      const last = answers.at(-1)!
      expect(last).toMatchObject({ status: 429, words: { code: 'limit.exceeded' } })
      expect(last.named[0]).toMatch(/^"sign-in";r=0;t=\d+$/)
      expect(Number(last.named[2])).toBeGreaterThan(0)
      expect(Number(last.named[2])).toBeLessThanOrEqual(BY_ACCOUNT.windowSeconds / BY_ACCOUNT.quota)
    }
  })

  test('is counted once more by the cell, for all edges', async () => {
    const email = 'eve@example.com'
    await untilRefused(() => guess(0, email))
    const answers = await untilRefused(() => guess(1, email))
    expect(answers.length).toBeLessThan(BY_ACCOUNT.quota)
    const refused = answers.at(-1)!
    const seconds = refused.headers.get('retry-after')
    expect(refused.headers.get('ratelimit')).toBe(`"sign-in";r=0;t=${seconds}`)
    await expectRefused(refused, { code: 'limit.exceeded' })
  })
})

describe('an address', () => {
  test('may try so often, whosever accounts, and is told what is left to it', async () => {
    const from = newAddress()
    const tries = Array.from({ length: TRIES_MAX }, (_, time) => time)
    const answers = await Promise.all(
      tries.map((time) => guess(0, `customer-${time}@example.com`, from)),
    )
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(0)
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(BY_ADDRESS.quota)
    const [first] = refused
    expect(first!.headers.get('ratelimit')).toMatch(/^"sign-in-address";r=0;t=\d$/)
    expect(first!.headers.get('access-control-expose-headers')).toContain('ratelimit-policy')
    await expectRefused(first!, { code: 'limit.exceeded' })
    const elsewhere = await guess(0, 'somebody-else@example.com')
    await expectRefused(elsewhere, { code: 'credentials.refused' })
  })

  test('is counted for a body of any kind', async () => {
    const from = newAddress()
    const answers = await untilRefused(() =>
      fetch(`${system.edgeUrl}/v1/sessions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'cf-connecting-ip': from },
        body: '{',
      }),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400, 429]))
  })
})

test('refusals are counted, and reads of the shop are not', async () => {
  const health = async () => {
    const answer = await fetch(`${system.edgeUrl}/health/edge`)
    return (await answer.json()) as { counters: { limited: number } }
  }
  const from = newAddress()
  const before = (await health()).counters.limited
  await untilRefused(() => guess(0, 'mallory@example.com', from))
  expect((await health()).counters.limited).toBe(before + 1)
  const read = await fetch(`${system.edgeUrl}/v1/products?market=de`, {
    headers: { 'cf-connecting-ip': from },
  })
  expect(read.status).toBe(200)
  expect(read.headers.get('ratelimit')).toBeNull()
})
