/** Three hundred sign in at once: nobody is lost, everybody is told when to come back, and the shop stays open. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Services } from '../../regional/platform/implement.ts'
import { ProblemError } from '../../shared/client/errors.ts'
import { waitMsAfter } from '../../shared/client/retry.ts'
import type { ProblemDetails } from '../../shared/problems.ts'
import { queryRows } from '../support/database.ts'
import { testServices } from '../support/services.ts'
import { openAccount, type TestAccount } from '../support/sign-in.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

const PEOPLE = 300
const ATTEMPTS_MAX = 8
/** Each hash takes a core for some 20 ms, at the lowest priority: beside other tests, several times as long. */
const STORM_MS_MAX = 300_000

let system: TestSystem
let services: Services
let people: TestAccount[]

beforeAll(async () => {
  system = await startSystem()
  services = testServices(system.databaseUrl)
  people = []
  for (let index = 0; index < PEOPLE; index += 1) {
    people.push(await openAccount(services, system.databaseUrl, { kind: 'customer' }))
  }
})
afterAll(async () => {
  await services?.close()
  await system?.close()
})

function signIn({ email, password }: TestAccount, index: number, signal?: AbortSignal) {
  return fetch(`${system.edgeUrl}/v1/sessions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'cf-connecting-ip': `10.0.${index >> 8}.${index & 255}`,
    },
    body: JSON.stringify({ email, password }),
    signal: signal ?? null,
  })
}

/** Tries, and comes back when told; all that was answered on the way. */
async function patiently(account: TestAccount, index: number): Promise<Response[]> {
  const answers: Response[] = []
  while (answers.length < ATTEMPTS_MAX) {
    const answer = await signIn(account, index)
    answers.push(answer)
    if (answer.status === 200) break
    const details = (await answer.clone().json()) as ProblemDetails
    const retryAfterSeconds = Number(answer.headers.get('retry-after'))
    const problem = new ProblemError(details, { retryAfterSeconds })
    await delay(waitMsAfter(answers.length, problem, Math.random))
  }
  return answers
}

/** Reads products, one after the other, until the storm is over. */
async function readThroughout(storm: Promise<unknown>): Promise<number[]> {
  const client = system.client({ market: 'de' })
  const { items } = await client.catalog.listProducts({ query: { limit: 50 } })
  const statuses: number[] = []
  let isOver = false
  void storm.finally(() => {
    isOver = true
  })
  for (let index = 0; !isOver; index += 1) {
    const { handle } = items[index % items.length]!
    // A market that is not the reader's own is another answer, so the cell is asked as well.
    const market = index % 2 === 0 ? 'de' : 'us'
    const response = await fetch(`${system.edgeUrl}/v1/products/${handle}?market=${market}`)
    await response.arrayBuffer()
    statuses.push(response.status)
  }
  return statuses
}

test(
  'everybody is signed in in the end, who is turned away is told when to come back, and every product is shown',
  async () => {
    const storm = Promise.all(people.map(patiently))
    const reads = await readThroughout(storm)
    const answers = await storm
    expect(answers.map((each) => each.at(-1)!.status)).toEqual(people.map(() => 200))
    const refusals = answers.flatMap((each) => each.slice(0, -1))
    expect(refusals.length).toBeGreaterThan(PEOPLE / 3)
    for (const refusal of refusals) {
      expect([429, 503]).toContain(refusal.status)
      expect(refusal.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      expect(refusal.headers.has('tradewind-turn')).toBe(false)
      expect(await refusal.json()).toMatchObject({ code: 'cell.overloaded' })
    }
    const [sessions] = await queryRows<{ people: number }>(
      system.databaseUrl,
      `select count(distinct account_id)::int as people
       from session join account on account.id = account_id`,
    )
    expect(sessions!.people).toBe(PEOPLE)
    expect(reads.length).toBeGreaterThan(0)
    expect(reads.filter((status) => status !== 200)).toEqual([])
  },
  STORM_MS_MAX,
)

test(
  'those who go away while they wait do not keep the place of others',
  async () => {
    const leaving = people.slice(0, 150).map(async (account, index) => {
      // From other addresses than before, whose limit is not what is tested here.
      const signal = AbortSignal.timeout(100)
      await signIn(account, 1_000 + index, signal).catch(() => {})
    })
    await Promise.all(leaving)
    const answers = await patiently(people.at(-1)!, 2_000)
    expect(answers.at(-1)!.status).toBe(200)
  },
  STORM_MS_MAX,
)
