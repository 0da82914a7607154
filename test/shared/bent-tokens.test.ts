/** Every bent token is refused by the verifier that edge and cell have, and none makes it throw. */
import type { JWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import type { TokenVerifier } from '../../shared/auth/token-verifier.ts'
import { bentTokens } from './bent-tokens.ts'
import { newForge, newKey, verified, verifierOf } from './own-verifier.ts'
import type { Forge } from './token-forge.ts'

/** Not by what the feed tells, nor for want of keys. */
const BY_THE_TOKEN = ['malformed', 'unverified', 'claims']

describe.each(Object.keys(newKey))('of a cell that signs by %s', (alg) => {
  let forge: Forge
  let tokens: TokenVerifier

  beforeAll(() => {
    forge = newForge(alg)
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
  const forge = newForge()
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
  const { good, publicJwk } = newForge()

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
