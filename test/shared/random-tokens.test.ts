/** Ten thousand tokens by chance leave nothing in the verifier, nor in the process. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { newForge, verified, verifierOf } from './own-verifier.ts'
import { randomTokens } from './random-tokens.ts'

const TOKENS = 10_000
const BATCH = 2_000
const BATCHES = Array.from({ length: TOKENS / BATCH }, (_, batch) => batch)
/** Were each remembered, even in short, it would be several times as much. */
const GROWTH_BYTES_MAX = 500_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

describe('tokens by chance', () => {
  const forge = newForge()
  const tokens = verifierOf([{ ...forge.publicJwk, alg: 'EdDSA' }])
  const reasons = new Map<string, number>()
  let before = 0

  async function refuseBatch(seed: number): Promise<void> {
    for (const token of randomTokens(forge, seed, BATCH)) {
      const outcome = await verified(tokens, `Bearer ${token}`)
      if (outcome.ok) expect.fail(`${token} is let in`)
      reasons.set(outcome.reason, (reasons.get(outcome.reason) ?? 0) + 1)
    }
  }

  test('are the same for the same seed', () => {
    expect(randomTokens(forge, 7, 50)).toEqual(randomTokens(forge, 7, 50))
  })

  test('begin after a good one', async () => {
    expect(await verified(tokens, `Bearer ${forge.good}`)).toMatchObject({ ok: true })
    await refuseBatch(0)
    before = heapBytes()
  })

  test.each(BATCHES)('are refused, all of them: batch %i', async (batch) => {
    await refuseBatch(1 + batch)
  })

  test('leave nothing behind', () => {
    expect(tokens.size).toBe(1)
    expect(heapBytes() - before).toBeLessThan(GROWTH_BYTES_MAX)
  })

  test('were refused for all sorts of reasons', () => {
    expect([...reasons.keys()].sort()).toEqual(['claims', 'malformed', 'unverified'])
    expect(reasons.get('unverified')).toBeGreaterThan(TOKENS / 10)
  })
})
