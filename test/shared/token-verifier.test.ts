/** Who verifies an access token refuses all bad ones alike, and ends good ones with what the feed tells. */
import { createHmac } from 'node:crypto'
import {
  createLocalJWKSet,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  SignJWT,
  UnsecuredJWT,
} from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { principalOf } from '../../regional/platform/access-token.ts'
import { type HomeAnswer, TokenVerifier } from '../../shared/auth/token-verifier.ts'
import type { Batch } from '../../shared/freshness/feed.ts'
import { FeedFollower } from '../../shared/freshness/follower.ts'
import { EVERY_GRANT, parseGrants, SCOPES, type Standing } from '../../shared/principal.ts'

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
let tokens: TokenVerifier
/** The `cell` feed: its changes, and where it begins to be known. */
let feed: { changes: string[][]; from: number; history: string; isAway: boolean }
let asked: { session: string; standing: Standing }[]
let home: HomeAnswer | Error

function batch(): Batch {
  if (feed.isAway) throw new Error('the feed is away')
  const { changes, from, history } = feed
  return {
    feed: 'cell',
    incarnation: { history, copy: 'c1' },
    from,
    to: from + changes.length,
    changes: changes.map((tags, index) => ({ n: from + 1 + index, tags })),
    retainedFrom: 0,
    cut: false,
  }
}

beforeEach(() => {
  now = NOW
  feed = { changes: [], from: 10, history: 'h1', isAway: false }
  asked = []
  home = 'ended'
  tokens = newVerifier()
})

function newVerifier(): TokenVerifier {
  const direct = async () => batch()
  return new TokenVerifier({
    cell: 'eu',
    keys: createLocalJWKSet(jwks),
    follower: new FeedFollower({
      source: { direct, shared: async () => ({ batch: batch(), ageMs: 0 }) },
      now: () => now.getTime(),
    }),
    askHome: async (question) => {
      asked.push(question)
      if (home instanceof Error) throw home
      return home
    },
    rememberedMax: 3,
  })
}

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
    sid: 'ses_1',
    position: 'cell=10;h=h1',
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

const principal = (text: string) => principalOf(tokens, `Bearer ${text}`, now)
const refused = { code: 'token.refused', status: 401 }

test('no token is a guest', async () => {
  expect(await principalOf(tokens, undefined, now)).toEqual({ kind: 'guest' })
})

test('staff hold the scopes that are known, and no others', async () => {
  const claims = { scope: 'catalogue:write everything orders:read' }
  expect(await principal(await token({ claims }))).toEqual({
    kind: 'staff',
    id: 'stf_1',
    cell: 'eu',
    session: 'ses_1',
    grants: new Map([
      ['catalogue:write', 'all'],
      ['orders:read', 'all'],
    ]),
  })
})

test('a customer holds no scope, whatever the token says', async () => {
  const claims = { role: 'customer', sub: 'cus_1', scope: SCOPES.join(' ') }
  const customer = await principal(await token({ claims }))
  expect(customer).toEqual({
    kind: 'customer',
    id: 'cus_1',
    cell: 'eu',
    session: 'ses_1',
    group: null,
  })
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
    ['no session', { claims: { sid: undefined } }],
    ['no position', { claims: { position: undefined } }],
    ['a position of another feed', { claims: { position: 'catalogue=10;h=h1' } }],
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
      await expect(principalOf(tokens, header, now)).rejects.toMatchObject(refused)
    },
  )
})

test('staff hold a scope in the channels that the token names', () => {
  expect(parseGrants('orders:read@web,pos carts:read everything@web')).toEqual(
    new Map<string, unknown>([
      ['orders:read', ['web', 'pos']],
      ['carts:read', 'all'],
    ]),
  )
  expect(parseGrants(SCOPES.join(' '))).toEqual(EVERY_GRANT)
})

describe('ended', () => {
  test.each([
    ['its session', 'session:ses_1'],
    ['its account', 'account:stf_1'],
    ['its key', 'key:a'],
    ['every token', '*'],
  ])('by a later change of %s, also when it is known already', async (_, tag) => {
    const text = await token()
    await principal(text)
    feed.changes = [['session:ses_other'], [tag]]
    now = new Date(NOW.getTime() + 3_000)
    await expect(principal(text)).rejects.toMatchObject(refused)
    await expect(principal(text)).rejects.toMatchObject(refused)
    // As who meets it for the first time.
    tokens = newVerifier()
    await expect(principal(text)).rejects.toMatchObject(refused)
    expect(asked).toEqual([])
  })

  test('not by a change that the token already knew', async () => {
    feed.changes = [['session:ses_1', 'account:stf_1']]
    const text = await token({ claims: { position: 'cell=11;h=h1' } })
    expect(await principal(text)).toMatchObject({ id: 'stf_1' })
  })

  test('by the withdrawal of its key, however new the token says it is', async () => {
    feed.changes = [['key:a']]
    const text = await token({ claims: { position: 'cell=999;h=h1' } })
    await expect(principal(text)).rejects.toMatchObject(refused)
  })
})

describe('a token from before all that is known', () => {
  const unknown = { claims: { position: 'cell=4;h=h1' } }

  test('stands if its cell says so, which is asked once', async () => {
    home = { n: 10, history: 'h1' }
    const text = await token(unknown)
    expect(await principal(text)).toMatchObject({ id: 'stf_1' })
    expect(await principal(text)).toMatchObject({ id: 'stf_1' })
    const standing = { tags: ['session:ses_1', 'account:stf_1', 'key:a'], stamp: 4, history: 'h1' }
    expect(asked).toEqual([{ session: 'ses_1', standing }])
    feed.changes = [['session:ses_1']]
    now = new Date(NOW.getTime() + 3_000)
    await expect(principal(text)).rejects.toMatchObject(refused)
  })

  test('is refused if its cell says so, which is asked once', async () => {
    const text = await token(unknown)
    await expect(principal(text)).rejects.toMatchObject(refused)
    await expect(principal(text)).rejects.toMatchObject(refused)
    expect(asked).toHaveLength(1)
  })

  test('or of another history is asked about alike', async () => {
    home = { n: 10, history: 'h1' }
    const text = await token({ claims: { position: 'cell=10;h=h0' } })
    expect(await principal(text)).toMatchObject({ id: 'stf_1' })
    expect(asked).toHaveLength(1)
  })

  test('is honoured while its cell cannot be asked, and asked about again', async () => {
    home = new Error('away')
    const text = await token(unknown)
    expect(await principal(text)).toMatchObject({ id: 'stf_1' })
    home = 'ended'
    await expect(principal(text)).rejects.toMatchObject(refused)
  })
})

test('a good token is honoured while the feed is away, until it expires', async () => {
  const text = await token()
  await principal(text)
  feed.isAway = true
  now = new Date(NOW.getTime() + 60_000)
  expect(await principal(text)).toMatchObject({ id: 'stf_1' })
  now = new Date(NOW.getTime() + 606_000)
  await expect(principal(text)).rejects.toMatchObject(refused)
})

test('no more tokens are remembered than that', async () => {
  for (let i = 0; i < 10; i += 1) await principal(await token({ claims: { sub: `stf_${i}` } }))
  expect(tokens.size).toBeGreaterThan(0)
  expect(tokens.size).toBeLessThanOrEqual(3)
})
