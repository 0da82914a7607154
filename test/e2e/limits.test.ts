/** What limits hold for beside one edge and a good request: other edges, bad bodies, and nothing else of the shop. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LIMIT_POLICIES } from '../../shared/limits/policies.ts'
import { expectRefused } from '../support/refusals.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

const { account: BY_ACCOUNT, address: BY_ADDRESS } = LIMIT_POLICIES['sign-in']
let system: TestSystem
let hosts = 0

/** Of nobody so far. */
function newAddress(): string {
  hosts += 1
  return `198.51.${100 + (hosts >> 8)}.${hosts & 255}`
}

beforeAll(async () => {
  system = await startSystem({ edges: 2 })
})
afterAll(() => system?.close())

function send(edge: number, body: string, from = newAddress()): Promise<Response> {
  return fetch(`${system.edgeUrls[edge]}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'cf-connecting-ip': from },
    body,
  })
}

function guess(edge: number, email: string, from?: string): Promise<Response> {
  return send(edge, JSON.stringify({ email, password: randomBytes(8).toString('hex') }), from)
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

test('an account is counted once more by the cell, for all edges', async () => {
  const email = 'eve@example.com'
  await untilRefused(() => guess(0, email))
  const answers = await untilRefused(() => guess(1, email))
  expect(answers.length).toBeLessThan(BY_ACCOUNT.quota)
  const refused = answers.at(-1)!
  const seconds = refused.headers.get('retry-after')
  expect(refused.headers.get('ratelimit')).toBe(`"sign-in";r=0;t=${seconds}`)
  await expectRefused(refused, { code: 'limit.exceeded' })
})

test('an address is counted for a body of any kind', async () => {
  const from = newAddress()
  const answers = await untilRefused(() => send(0, '{', from))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400, 429]))
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
  const refused = await guess(0, 'mallory@example.com', from)
  expect(refused.headers.get('access-control-expose-headers')).toContain('ratelimit-policy')
  const read = await fetch(`${system.edgeUrl}/v1/products?market=de`, {
    headers: { 'cf-connecting-ip': from },
  })
  expect(read.status).toBe(200)
  expect(read.headers.get('ratelimit')).toBeNull()
})
