/** How often a cell is asked for its keys, and by which keys tokens are verified meanwhile. */
import { generateKeyPairSync } from 'node:crypto'
import type { JSONWebKeySet } from 'jose'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  KEYS_AGE_MS_MAX,
  KEYS_COOLDOWN_MS,
  KEYS_RETRY_MS,
  KEYS_STALE_MS_MAX,
  PublishedKeys,
} from '../../edge/auth/published-keys.ts'

const jwkOf = (kid: string) => ({
  ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }),
  kid,
  alg: 'EdDSA',
})
const AT_ONCE = 100
const NO_MATCH = { code: 'ERR_JWKS_NO_MATCHING_KEY' }
const NO_KEYS = { message: 'there are no keys' }

let published: JSONWebKeySet
let isAway: boolean
let fetches: number
let nowMs: number
let keys: PublishedKeys

beforeEach(() => {
  published = { keys: [jwkOf('a')] }
  isAway = false
  fetches = 0
  nowMs = 1_000_000
  keys = new PublishedKeys({
    now: () => nowMs,
    fetch: async () => {
      fetches += 1
      await Promise.resolve()
      if (isAway) throw new Error('the cell is away')
      return structuredClone(published)
    },
  })
})

async function keyOf(kid: string) {
  return await keys.verify({ alg: 'EdDSA', kid })
}

/** So many requests at once, each under a kid of its own that nobody has. */
async function strangers(times: number): Promise<void> {
  const asked = Array.from({ length: times }, (_, index) => keyOf(`nobody-${index}`))
  for (const outcome of await Promise.allSettled(asked)) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: NO_MATCH })
  }
}

describe('the keys of a cell', () => {
  it('are fetched once for all that come at a time, and then kept', async () => {
    await Promise.all(Array.from({ length: AT_ONCE }, () => keyOf('a')))
    nowMs += KEYS_AGE_MS_MAX - 1
    await keyOf('a')
    expect(fetches).toBe(1)
  })

  it('are fetched again when they are old', async () => {
    await keyOf('a')
    nowMs += KEYS_AGE_MS_MAX
    await Promise.all(Array.from({ length: AT_ONCE }, () => keyOf('a')))
    expect(fetches).toBe(2)
  })

  it('are asked for once a cooldown, by however many under keys that nobody has', async () => {
    await keyOf('a')
    await strangers(AT_ONCE)
    expect(fetches).toBe(1)
    for (let cooldown = 1; cooldown <= 5; cooldown += 1) {
      nowMs += KEYS_COOLDOWN_MS - 1
      await strangers(AT_ONCE)
      nowMs += 1
      await strangers(AT_ONCE)
      expect(fetches).toBe(1 + cooldown)
    }
  })

  it('take in a new one as soon as the cooldown allows', async () => {
    await keyOf('a')
    published.keys.push(jwkOf('b'))
    await expect(keyOf('b')).rejects.toMatchObject(NO_MATCH)
    nowMs += KEYS_COOLDOWN_MS
    expect(await keyOf('b')).toBeDefined()
    expect(fetches).toBe(2)
  })

  it('drop one that is published no longer', async () => {
    await keyOf('a')
    published.keys = [jwkOf('b')]
    nowMs += KEYS_AGE_MS_MAX
    await expect(keyOf('a')).rejects.toMatchObject(NO_MATCH)
  })
})

describe('while the cell cannot be reached', () => {
  it('nobody is let in, nor refused, and the cell is asked once in a while', async () => {
    isAway = true
    const asked = Array.from({ length: AT_ONCE }, () => keyOf('a'))
    for (const outcome of await Promise.allSettled(asked)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: NO_KEYS })
    }
    expect(fetches).toBe(1)
    nowMs += KEYS_RETRY_MS
    isAway = false
    expect(await keyOf('a')).toBeDefined()
    expect(fetches).toBe(2)
  })

  it('what was known is good for longer, and not for ever', async () => {
    await keyOf('a')
    isAway = true
    nowMs += KEYS_STALE_MS_MAX - 1
    expect(await keyOf('a')).toBeDefined()
    nowMs += 1
    await expect(keyOf('a')).rejects.toMatchObject(NO_KEYS)
  })

  it('strangers make it be asked no more often than else', async () => {
    await keyOf('a')
    isAway = true
    nowMs += KEYS_COOLDOWN_MS
    await strangers(AT_ONCE)
    await strangers(AT_ONCE)
    expect(fetches).toBe(2)
  })
})

it('an answer that is no key set is none', async () => {
  published = { keys: 'none' } as never
  await expect(keyOf('a')).rejects.toMatchObject(NO_KEYS)
})

it('a clock that is set back does not make old keys young', async () => {
  await keyOf('a')
  nowMs -= 86_400_000
  await keyOf('a')
  expect(fetches).toBe(2)
})
