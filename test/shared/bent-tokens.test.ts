/** Every bent token is refused by the verifier that edge and cell have, and none makes it throw. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createLocalJWKSet, type JWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { bearerToken, TokenVerifier, type Verified } from '../../shared/auth/token-verifier.ts'
import type { Batch } from '../../shared/freshness/feed.ts'
import { FeedFollower } from '../../shared/freshness/follower.ts'
import { bentTokens } from './bent-tokens.ts'
import { type Forge, forgeOf, segment, signature } from './token-forge.ts'

const NOW_MS = Date.UTC(2026, 10, 1, 12)
const seconds = NOW_MS / 1_000
const HEADER = { kid: 'Key-1', typ: 'at+jwt' }
const CLAIMS = {
  iss: 'tradewind:eu',
  aud: 'tradewind',
  sub: 'stf_1',
  sid: 'ses_1',
  position: 'cell=10;h=h1',
  role: 'staff',
  scope: 'catalogue:write',
  iat: seconds,
  exp: seconds + 600,
}
const EMPTY: Batch = {
  feed: 'cell',
  incarnation: { history: 'h1', copy: 'c1' },
  from: 10,
  to: 10,
  changes: [],
  retainedFrom: 0,
  cut: false,
}

function verifierOf(keys: JWK[]): TokenVerifier {
  return new TokenVerifier({
    cell: 'eu',
    keys: createLocalJWKSet({ keys }),
    follower: new FeedFollower({
      source: { direct: async () => EMPTY, shared: async () => ({ batch: EMPTY, ageMs: 0 }) },
      now: () => NOW_MS,
    }),
    askHome: async () => 'ended',
    rememberedMax: 10,
  })
}

/** As edge and cell read it out of the header. */
async function verified(tokens: TokenVerifier, authorization: string): Promise<Verified> {
  const token = bearerToken(authorization)
  if (token === null) return { ok: false, reason: 'malformed' }
  return await tokens.verify(token, NOW_MS, () => {})
}

/** Not by what the feed tells, nor for want of keys. */
const BY_THE_TOKEN = ['malformed', 'unverified', 'claims']

const PAIRS: Record<string, () => KeyObject> = {
  EdDSA: () => generateKeyPairSync('ed25519').privateKey,
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
}

describe.each(Object.keys(PAIRS))('of a cell that signs by %s', (alg) => {
  let forge: Forge
  let tokens: TokenVerifier

  beforeAll(() => {
    const key = PAIRS[alg]!()
    const input = `${segment({ alg, ...HEADER })}.${segment(CLAIMS)}`
    forge = forgeOf(`${input}.${signature(input, key).toString('base64url')}`, key)
    tokens = verifierOf([{ ...forge.publicJwk, alg, use: 'sig' }])
  })

  test('the token that the others are made of is good, also when it is made again', async () => {
    const again = forge.signed(forge.header, forge.claims)
    for (const token of [forge.good, again]) {
      expect(await verified(tokens, `Bearer ${token}`)).toMatchObject({ ok: true })
    }
  })

  test('each bent one is refused, and for what it is', async () => {
    const bent = bentTokens(forge)
    expect(bent.length).toBeGreaterThan(500)
    expect(new Set(bent.map(({ name }) => name)).size).toBe(bent.length)
    for (const { name, token } of bent) expect(token, name).not.toBe(forge.good)
    const remembered = tokens.size
    const misjudged: string[] = []
    for (const { name, token } of bent) {
      const outcome = await verified(tokens, `Bearer ${token}`)
      const isOfTheToken = !outcome.ok && BY_THE_TOKEN.includes(outcome.reason)
      if (!isOfTheToken) misjudged.push(`${name}: ${JSON.stringify(outcome)}`)
    }
    expect(misjudged).toEqual([])
    expect(tokens.size).toBe(remembered)
  })
})

describe('a key that is published', () => {
  const key = PAIRS.EdDSA!()
  const input = `${segment({ alg: 'EdDSA', ...HEADER })}.${segment(CLAIMS)}`
  const forge = forgeOf(`${input}.${signature(input, key).toString('base64url')}`, key)
  const authorization = `Bearer ${forge.good}`
  const own = { ...forge.publicJwk, alg: 'EdDSA', use: 'sig' }

  test.each<[string, Partial<JWK>]>([
    ['to encrypt', { use: 'enc' }],
    ['for another algorithm', { alg: 'ES256' }],
    ['for key agreement', { crv: 'X25519' }],
    ['to sign and not to verify', { key_ops: ['sign'] }],
    ['to wrap keys', { key_ops: ['wrapKey', 'unwrapKey'] }],
    ['as a shared secret', { kty: 'oct', k: forge.publicJwk.x! }],
    ['as an RSA key', { kty: 'RSA', n: forge.publicJwk.x!, e: 'AQAB' }],
    ['under another name', { kid: 'Key-2' }],
    ['under the name in other letters', { kid: 'key-1' }],
  ])('%s verifies nothing', async (_, change) => {
    expect(await verified(verifierOf([own]), authorization)).toMatchObject({ ok: true })
    const jwk = { ...own, ...change }
    const outcome = await verified(verifierOf([jwk]), authorization)
    expect(outcome).toEqual({ ok: false, reason: 'unverified' })
  })

  test('beside one that is good takes nothing from it', async () => {
    const keys = [{ ...own, use: 'enc' }, { ...own, alg: 'ES256' }, own]
    expect(await verified(verifierOf(keys), authorization)).toMatchObject({ ok: true })
  })
})

describe('a header that is no bearer token', () => {
  const key = PAIRS.EdDSA!()
  const input = `${segment({ alg: 'EdDSA', ...HEADER })}.${segment(CLAIMS)}`
  const { good, publicJwk } = forgeOf(
    `${input}.${signature(input, key).toString('base64url')}`,
    key,
  )

  test('names another scheme, or the token in another way', async () => {
    const tokens = verifierOf([{ ...publicJwk, alg: 'EdDSA' }])
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR']) {
      expect(await verified(tokens, `${scheme} ${good}`)).toMatchObject({ ok: true })
    }
    for (const authorization of [
      ...['', ' ', 'Bearer', 'Bearer ', good, ` Bearer ${good}`, `Bearer  ${good}`],
      ...[`Bearer\t${good}`, `Bearer ${good} `, `Bearer:${good}`, `Bearer ${good},`],
      ...[`Bearer ${good}, Bearer ${good}`, `Bearer Bearer ${good}`, `Bearertoken ${good}`],
      ...[`Basic ${good}`, `DPoP ${good}`, `Token ${good}`, `JWT ${good}`, `Bearer="${good}"`],
      ...[`Basic ${btoa(`user:${good}`)}`, `Bearer\u00a0${good}`, `Bearer\n${good}`],
    ]) {
      expect(await verified(tokens, authorization), authorization).toMatchObject({ ok: false })
    }
  })
})
