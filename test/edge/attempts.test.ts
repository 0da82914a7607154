/** What may be tried by an address and with an account, and what an answer says of it. */
import { type Item, parseList } from 'structured-headers'
import { describe, expect, it } from 'vitest'
import { AttemptLimits } from '../../edge/limits/attempts.ts'
import type { Limit } from '../../shared/contracts/endpoint.ts'
import { LIMIT_POLICIES } from '../../shared/limits/policies.ts'
import { Problem } from '../../shared/problems.ts'

const SIGN_IN: Limit = { policy: 'sign-in', account: 'email' }
const { address: BY_ADDRESS, account: BY_ACCOUNT } = LIMIT_POLICIES['sign-in']
const encode = (text: string) => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>
const naming = (email: unknown) => JSON.stringify({ email, password: 'a guess' })

interface Tried {
  address?: string
  body?: string
  atMs?: number
  limit?: Limit
  /** What the cell answered. */
  answer?: Response
}

/** One request as the edge takes it through its steps. */
async function tried(limits: AttemptLimits, options: Tried): Promise<Response> {
  const { address = '192.0.2.1', body = '', atMs = 0, limit = SIGN_IN } = options
  const attempt = limits.attempt(limit, address)
  const answer = await pass().catch((error: Problem) => error.toResponse())
  attempt.label(answer)
  return answer

  async function pass(): Promise<Response> {
    attempt.takeOfAddress(atMs)
    await attempt.takeOfAccount(encode(body), atMs)
    return options.answer ?? new Response()
  }
}

/** How many of so many tries are let through. */
async function allowed(limits: AttemptLimits, times: number, of: (time: number) => Tried) {
  let count = 0
  for (let time = 0; time < times; time += 1) {
    if ((await tried(limits, of(time))).status === 200) count += 1
  }
  return count
}

/** Name and parameters of each item. */
function itemsOf(response: Response, header: string): [string, Record<string, unknown>][] {
  const list = parseList(response.headers.get(header) ?? '') as Item[]
  return list.map(([name, parameters]) => [String(name), Object.fromEntries(parameters)])
}

const from = (host: number) => `192.0.2.${host}`
const account = (time: number) => naming(`customer-${time}@example.com`)

describe('an account', () => {
  it('may be tried so often, from however many addresses', async () => {
    const limits = new AttemptLimits()
    const body = naming('ada@example.com')
    const of = (time: number) => ({ address: from(time), body })
    expect(await allowed(limits, 100, of)).toBe(BY_ACCOUNT.quota)
    expect(await allowed(limits, 1, () => ({ address: from(200), body: account(1) }))).toBe(1)
  })

  it('is the same however its address is written', async () => {
    const limits = new AttemptLimits()
    const ways = ['ada@example.com', ' ADA@Example.COM\t', 'Ada@example.com\n']
    const of = (time: number) => ({ address: from(time), body: naming(ways[time % ways.length]) })
    expect(await allowed(limits, 60, of)).toBe(BY_ACCOUNT.quota)
  })

  it('is the same for the bytes that a reader of JSON takes for the same', async () => {
    const limits = new AttemptLimits()
    const ways = [
      '{"email":"ada@example.com"}',
      '{"email":"nobody@example.com","email":"ada@example.com"}',
      '{"\\u0065mail":"\\u0061da@example.com"}',
      '\ufeff { "email" : "ada@example.com" } ',
    ]
    const of = (time: number) => ({ address: from(time), body: ways[time % ways.length]! })
    expect(await allowed(limits, 60, of)).toBe(BY_ACCOUNT.quota)
  })

  it('of a token is what stands before its secret, which changes', async () => {
    const limits = new AttemptLimits()
    const limit: Limit = { policy: 'token', account: 'refreshToken' }
    const of = (time: number) => ({
      address: from(time),
      body: JSON.stringify({ refreshToken: `rt_eu_0123.secret-${time}` }),
      limit,
    })
    expect(await allowed(limits, 100, of)).toBe(LIMIT_POLICIES.token.account.quota)
  })

  it('is let in again when it was told', async () => {
    const limits = new AttemptLimits()
    const body = naming('ada@example.com')
    await allowed(limits, BY_ACCOUNT.quota, (time) => ({ address: from(time), body }))
    const refused = await tried(limits, { address: from(99), body })
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({ code: 'limit.exceeded' })
    const seconds = Number(refused.headers.get('retry-after'))
    expect(seconds).toBe(BY_ACCOUNT.windowSeconds / BY_ACCOUNT.quota)
    const again = (atMs: number) => allowed(limits, 5, () => ({ address: from(99), body, atMs }))
    expect(await again((seconds - 1) * 1_000)).toBe(0)
    expect(await again(seconds * 1_000)).toBe(1)
  })
})

describe('an address', () => {
  it('may try so often, with however many accounts', async () => {
    const limits = new AttemptLimits()
    expect(await allowed(limits, 100, (time) => ({ body: account(time) }))).toBe(BY_ADDRESS.quota)
    expect(await allowed(limits, 1, () => ({ address: from(2), body: account(0) }))).toBe(1)
  })

  it('is counted alone where the body names no account', async () => {
    const bodies = ['', '{', 'null', '[]', '7', '{}', naming(42), naming(null), naming({ a: 1 })]
    for (const body of [...bodies, '\u0000', '['.repeat(60_000)]) {
      const limits = new AttemptLimits()
      expect(await allowed(limits, 100, () => ({ body })), body.slice(0, 9)).toBe(BY_ADDRESS.quota)
    }
  })

  it('that is refused takes nothing from the account that it names', async () => {
    const limits = new AttemptLimits()
    await allowed(limits, 100, (time) => ({ body: account(time) }))
    const body = naming('ada@example.com')
    expect(await allowed(limits, 50, () => ({ body }))).toBe(0)
    const of = (time: number) => ({ address: from(time + 2), body })
    expect(await allowed(limits, 50, of)).toBe(BY_ACCOUNT.quota)
  })
})

describe('one policy', () => {
  it('takes nothing from another', async () => {
    const limits = new AttemptLimits()
    const body = naming('ada@example.com')
    await allowed(limits, 100, () => ({ body }))
    const recovery: Limit = { policy: 'recovery', account: 'email' }
    const { quota } = LIMIT_POLICIES.recovery.account
    expect(await allowed(limits, 100, () => ({ body, limit: recovery }))).toBe(quota)
  })
})

describe('an answer', () => {
  it('says what is left of the bucket that is nearer to empty', async () => {
    const limits = new AttemptLimits()
    const body = naming('ada@example.com')
    const first = await tried(limits, { body })
    expect(itemsOf(first, 'ratelimit')).toEqual([['sign-in', { r: BY_ACCOUNT.quota - 1, t: 30 }]])
    expect(itemsOf(first, 'ratelimit-policy')).toEqual([
      ['sign-in', { q: BY_ACCOUNT.quota, w: BY_ACCOUNT.windowSeconds }],
      ['sign-in-address', { q: BY_ADDRESS.quota, w: BY_ADDRESS.windowSeconds }],
    ])
    await allowed(limits, BY_ADDRESS.quota - 2, (time) => ({ body: account(time) }))
    const last = await tried(limits, { body: account(99) })
    expect(itemsOf(last, 'ratelimit')).toEqual([['sign-in-address', { r: 0, t: 2 }]])
  })

  it('that refuses says so of the bucket that is empty', async () => {
    const limits = new AttemptLimits()
    const body = naming('ada@example.com')
    await allowed(limits, BY_ACCOUNT.quota, () => ({ body }))
    const byAccount = await tried(limits, { body })
    expect(itemsOf(byAccount, 'ratelimit')).toEqual([['sign-in', { r: 0, t: 30 }]])
    await allowed(limits, 100, (time) => ({ body: account(time) }))
    const byAddress = await tried(limits, { body: account(0) })
    expect(itemsOf(byAddress, 'ratelimit')).toEqual([['sign-in-address', { r: 0, t: 2 }]])
    expect(byAddress.headers.get('retry-after')).toBe('2')
  })

  it('in which the cell refuses says what the cell says', async () => {
    const problem = new Problem('limit.exceeded', { retryAfterSeconds: 77 })
    const options = { body: naming('ada@example.com'), answer: problem.toResponse() }
    const refused = await tried(new AttemptLimits(), options)
    expect(itemsOf(refused, 'ratelimit')).toEqual([['sign-in', { r: 0, t: 77 }]])
  })

  it('names no policy of accounts where the contract names no account', async () => {
    const answer = await tried(new AttemptLimits(), { limit: { policy: 'recovery' } })
    expect(itemsOf(answer, 'ratelimit-policy').map(([name]) => name)).toEqual(['recovery-address'])
  })

  it('to a request that was refused before it was counted says nothing', () => {
    const answer = new Response()
    new AttemptLimits().attempt(SIGN_IN, from(1)).label(answer)
    expect([...answer.headers]).toEqual([])
  })
})

it('every policy has an account refused before an address that tries only it', () => {
  for (const { address, account: ofAccount } of Object.values(LIMIT_POLICIES)) {
    expect(ofAccount.quota).toBeGreaterThan(0)
    expect(ofAccount.quota).toBeLessThan(address.quota)
    const perSecond = (rule: { quota: number; windowSeconds: number }) =>
      rule.quota / rule.windowSeconds
    expect(perSecond(ofAccount)).toBeLessThan(perSecond(address))
  }
})
