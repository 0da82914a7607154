/** The line before a contract that hashes passwords: bounded, told apart by contract and cell, and never stuck. */
import { describe, expect, it } from 'vitest'
import { Turns } from '../../edge/limits/turns.ts'
import { facts as allFacts } from '../../shared/contracts/facts.generated.ts'
import type { EndpointFacts } from '../../shared/contracts/facts.ts'
import { HEADERS } from '../../shared/headers.ts'
import { Problem } from '../../shared/problems.ts'

const SIGN_IN = factsOf('identity.signIn')
const wait = () => {}

function factsOf(id: string): EndpointFacts {
  return allFacts.find((facts) => facts.id === id)!
}

/** A request that has begun, and its cell's answer to come. */
function begun(turns: Turns, { facts = SIGN_IN, cell = 'eu', atMs = 0 } = {}) {
  const turn = turns.of(facts, cell)!
  turn.assertRoom(atMs)
  turn.begin(atMs)
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  const ended = turn.endWith(promise, wait)
  return {
    answer: async (turnMs?: number) => {
      const headers = new Headers(turnMs === undefined ? {} : { [HEADERS.turn]: String(turnMs) })
      resolve(new Response(null, { headers }))
      return await ended
    },
    fail: async () => {
      reject(new Problem('cell.unavailable'))
      await expect(ended).rejects.toMatchObject({ code: 'cell.unavailable' })
    },
  }
}

/** Requests until one is refused. */
function filled(turns: Turns, options: Parameters<typeof begun>[1] = {}) {
  const under: ReturnType<typeof begun>[] = []
  for (;;) {
    try {
      under.push(begun(turns, options))
    } catch (error) {
      return { under, refusal: error as Problem }
    }
  }
}

/** The cell says what a turn takes. */
async function told(turns: Turns, turnMs: number): Promise<Response> {
  return await begun(turns).answer(turnMs)
}

function request(path: string, headers: Record<string, string> = {}, method = 'POST'): Request {
  return new Request(`https://api.example.com${path}`, { method, headers })
}

describe('a line', () => {
  it('lets through whom the cell can serve in a second, at what it says a turn takes', async () => {
    const turns = new Turns('eu')
    for (const turnMs of [100, 20]) {
      const answer = await told(turns, turnMs)
      expect(answer.headers.has(HEADERS.turn)).toBe(false)
      const { under } = filled(turns)
      expect(under).toHaveLength(1_000 / turnMs)
      for (const each of under) await each.answer(turnMs)
    }
  })

  it('tells each of those who come beyond to come one turn later than the one before', async () => {
    const turns = new Turns('eu')
    await told(turns, 250)
    filled(turns)
    const seconds = Array.from({ length: 12 }, () => {
      try {
        begun(turns)
        return 0
      } catch (error) {
        expect(error).toMatchObject({ code: 'cell.overloaded' })
        return (error as Problem).retryAfterSeconds
      }
    })
    // The first slot went to whoever found it full.
    expect(seconds).toEqual([2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4])
  })

  it('has room again for each that ends, whether its answer is good or none', async () => {
    const turns = new Turns('eu')
    const { under } = filled(turns)
    await under[0]!.answer()
    await under[1]!.fail()
    expect(filled(turns).under).toHaveLength(2)
  })

  it('forgets a turn whose end nobody saw, after longer than any takes', () => {
    const turns = new Turns('eu')
    const { under } = filled(turns, { atMs: 1_000 })
    expect(filled(turns, { atMs: 30_000 }).under).toHaveLength(0)
    expect(filled(turns, { atMs: 31_001 }).under).toHaveLength(under.length)
  })

  it('is of one contract of one cell', () => {
    const turns = new Turns('eu')
    const { under } = filled(turns)
    const others = [{ cell: 'us' }, { facts: factsOf('identity.signUp') }]
    for (const other of others) expect(filled(turns, other).under).toHaveLength(under.length)
  })

  it('keeps one going that takes longer than anybody may wait, and believes no nonsense', async () => {
    const turns = new Turns('eu')
    await told(turns, 60_000)
    expect(filled(turns).under).toHaveLength(1)
    const others = new Turns('eu')
    for (const turnMs of [0, -1, Number.NaN]) await told(others, turnMs)
    expect(filled(others).under).toHaveLength(40)
  })

  it('is for nothing that hashes no password', () => {
    const turns = new Turns('eu')
    expect(turns.of(factsOf('identity.refreshSession'), 'eu')).toBeNull()
    expect(turns.of(factsOf('orders.placeOrder'), 'eu')).toBeNull()
  })
})

describe('by its address alone', () => {
  const now = () => 0

  it('a guest is refused where there is no room, and nobody else is', async () => {
    const turns = new Turns('eu')
    expect(turns.refusalOf(request('/v1/sessions'), now)).toBeNull()
    const { under } = filled(turns)
    expect(turns.refusalOf(request('/v1/sessions'), now)).toMatchObject({
      contract: 'identity.signIn',
      problem: { code: 'cell.overloaded' },
    })
    const others = [
      request('/v1/sessions', {}, 'GET'),
      request('/v1/sessions', { authorization: 'Bearer x' }),
      request('/v1/sessions/end'),
      request('/elsewhere/v1/sessions'),
      request('/v1/accounts'),
    ]
    for (const other of others) expect(turns.refusalOf(other, now)).toBeNull()
    await under[0]!.answer()
    expect(turns.refusalOf(request('/v1/sessions'), now)).toBeNull()
  })

  it('the line of a cell that guests are not sent to refuses none', () => {
    const turns = new Turns('eu')
    filled(turns, { cell: 'us' })
    expect(turns.refusalOf(request('/v1/sessions'), now)).toBeNull()
  })
})
