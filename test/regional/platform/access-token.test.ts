/** The cell verifies every access token itself, and refuses all bad ones alike. */
import { createHmac } from 'node:crypto'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { AccessTokens } from '../../../regional/platform/access-token.ts'
import { SCOPES } from '../../../shared/principal.ts'

const NOW = new Date('2026-11-01T12:00:00Z')
const seconds = NOW.getTime() / 1_000
const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
const other = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
const es256 = await generateKeyPair('ES256', { extractable: true })
const jwks = {
  keys: [
    { ...(await exportJWK(pair.publicKey)), kid: 'a', alg: 'EdDSA' },
    { ...(await exportJWK(es256.publicKey)), kid: 'b', alg: 'ES256' },
  ],
}
let now: Date
let tokens: AccessTokens

beforeEach(() => {
  now = NOW
  tokens = new AccessTokens({ jwks, cell: 'eu', clock: { now: () => now } })
})

interface Changes {
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
  key?: CryptoKey
}

/** A good token of staff, but for the changes; `undefined` takes a claim away. */
async function token({ header, claims, key = pair.privateKey }: Changes = {}): Promise<string> {
  const payload: Record<string, unknown> = {
    iss: 'tradewind:eu',
    aud: 'tradewind',
    sub: 'stf_1',
    role: 'staff',
    scope: 'catalogue:write orders:read',
    iat: seconds,
    exp: seconds + 600,
    ...claims,
  }
  return await new SignJWT(JSON.parse(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', kid: 'a', typ: 'at+jwt', ...header })
    .sign(key)
}

const principal = (text: string) => tokens.principalOf(`Bearer ${text}`)
const refused = { code: 'token.refused', status: 401 }

test('no token is a guest', async () => {
  expect(await tokens.principalOf(undefined)).toEqual({ kind: 'guest' })
})

test('staff hold the scopes that are known, and no others', async () => {
  const claims = { scope: 'catalogue:write everything orders:read' }
  expect(await principal(await token({ claims }))).toEqual({
    kind: 'staff',
    id: 'stf_1',
    cell: 'eu',
    scopes: ['catalogue:write', 'orders:read'],
  })
})

test('a customer holds no scope, whatever the token says', async () => {
  const claims = { role: 'customer', sub: 'cus_1', scope: SCOPES.join(' ') }
  const customer = await principal(await token({ claims }))
  expect(customer).toEqual({ kind: 'customer', id: 'cus_1', cell: 'eu', group: null })
})

test('ES256 is verified as well', async () => {
  const text = await token({ header: { alg: 'ES256', kid: 'b' }, key: es256.privateKey })
  expect(await principal(text)).toMatchObject({ id: 'stf_1' })
})

test('a verified token is remembered, but not past its life', async () => {
  const text = await token()
  await principal(text)
  now = new Date(NOW.getTime() + 599_000)
  expect(await principal(text)).toMatchObject({ id: 'stf_1' })
  now = new Date(NOW.getTime() + 606_000)
  await expect(principal(text)).rejects.toMatchObject(refused)
})

describe('refused', () => {
  test.each<[string, Changes]>([
    ['another cell’s issuer', { claims: { iss: 'tradewind:us' } }],
    ['no issuer', { claims: { iss: undefined } }],
    ['another audience', { claims: { aud: 'somebody-else' } }],
    ['no audience', { claims: { aud: undefined } }],
    ['another type', { header: { typ: 'JWT' } }],
    ['no type', { header: { typ: undefined } }],
    ['an unknown key', { header: { kid: 'z' } }],
    ['another’s signature', { key: other.privateKey }],
    ['a key of another algorithm', { header: { kid: 'b' } }],
    ['an expired token', { claims: { iat: seconds - 700, exp: seconds - 100 } }],
    ['a token without an end', { claims: { exp: undefined } }],
    ['a token without a beginning', { claims: { iat: undefined } }],
    ['a token that is not valid yet', { claims: { nbf: seconds + 60 } }],
    ['a token issued too long ago', { claims: { iat: seconds - 700, exp: seconds + 60 } }],
    ['a token issued in the future', { claims: { iat: seconds + 60, exp: seconds + 600 } }],
    ['no subject', { claims: { sub: undefined } }],
    ['an enormous subject', { claims: { sub: 'x'.repeat(200) } }],
    ['an unknown role', { claims: { role: 'root' } }],
    ['staff without scopes', { claims: { scope: undefined } }],
    ['scopes that are a list', { claims: { scope: ['catalogue:write'] } }],
  ])('%s', async (_, changes) => {
    await expect(principal(await token(changes))).rejects.toMatchObject(refused)
  })

  test('a token that claims more than the longest life', async () => {
    const text = await token({ claims: { exp: seconds + 86_400 } })
    await expect(principal(text)).rejects.toMatchObject(refused)
  })

  test('alg none', async () => {
    const unsecured = new UnsecuredJWT({ role: 'staff', scope: SCOPES.join(' ') })
      .setIssuer('tradewind:eu')
      .setAudience('tradewind')
      .setSubject('stf_1')
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 600)
      .encode()
    await expect(principal(unsecured)).rejects.toMatchObject(refused)
  })

  test('HS256 with the public key as its secret', async () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const [, payload] = (await token()).split('.')
    const secrets = [
      await exportSPKI(pair.publicKey),
      JSON.stringify(jwks.keys[0]),
      jwks.keys[0]!.x!,
    ]
    for (const secret of secrets) {
      const text = `${encode({ alg: 'HS256', kid: 'a', typ: 'at+jwt' })}.${payload}`
      const mac = createHmac('sha256', secret).update(text).digest('base64url')
      await expect(principal(`${text}.${mac}`)).rejects.toMatchObject(refused)
    }
  })

  test.each(['Basic abc', 'Bearer', 'Bearer a b', 'Bearer ..', `Bearer ${'a.'.repeat(2_500)}`])(
    'a header that is no bearer token: %s',
    async (header) => {
      await expect(tokens.principalOf(header)).rejects.toMatchObject(refused)
    },
  )
})
