/** Bad tokens get one dull answer at the edge, whatever is wrong with them. */
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accessToken, tokenKey } from '../support/keys.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

let system: TestSystem

beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system.close())

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The payload of a good token under another header, signed by `sign`. */
function forged(token: string, header: object, sign: (text: string) => string): string {
  const text = `${encode(header)}.${token.split('.')[1]}`
  return `${text}.${sign(text)}`
}

async function badTokens(): Promise<Record<string, string>> {
  const good = await accessToken()
  const [header, payload, signature] = good.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
  const hourAgo = new Date(Date.now() - 3_600_000)
  const hs256 = (text: string) =>
    createHmac('sha256', JSON.stringify(tokenKey.publicJwk)).update(text).digest('base64url')
  return {
    expired: await accessToken({ now: hourAgo }),
    'alg none': forged(good, { alg: 'none', typ: 'at+jwt' }, () => ''),
    'HS256 with the public key': forged(
      good,
      { alg: 'HS256', kid: 'test-1', typ: 'at+jwt' },
      hs256,
    ),
    'an unknown key': forged(good, { alg: 'EdDSA', kid: 'z', typ: 'at+jwt' }, () => signature),
    'another audience': await accessToken({ claims: { aud: 'somebody-else' } }),
    'altered claims': [header, encode({ ...claims, sub: 'stf_root' }), signature].join('.'),
    'no token at all': 'Bearer',
    rubbish: 'a.b.c',
    enormous: `${header}.${'a'.repeat(6_000)}.${signature}`,
  }
}

test('each bad token is refused with the same words, on writes and on cached reads', async () => {
  const answers = new Set<string>()
  for (const [name, token] of Object.entries(await badTokens())) {
    for (const path of ['/v1/products?market=de', '/v1/staff/stock/X']) {
      const headers = { authorization: `Bearer ${token}` }
      const response = await fetch(system.edgeUrl + path, { headers })
      expect(response.status, `${name} on ${path}`).toBe(401)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
      const { requestId, ...words } = (await response.json()) as Record<string, unknown>
      expect(requestId).toEqual(expect.any(String))
      answers.add(JSON.stringify(words))
    }
  }
  expect(answers.size).toBe(1)
})

test('a good token is let in, and only as far as its scopes go', async () => {
  const staff = system.client({ token: system.tokens.staff })
  const { items } = await staff.catalog.listProducts({ query: { market: 'de', limit: 1 } })
  const params = { handle: items[0]!.handle }
  const { variants } = await staff.catalog.getProduct({ params, query: { market: 'de' } })
  const stock = { params: { sku: variants[0]!.sku } }
  expect((await staff.inventory.getStock(stock)).sku).toBe(variants[0]!.sku)
  const narrow = await accessToken({ scopes: ['catalogue:read'] })
  for (const token of [narrow, system.tokens.customer]) {
    const refused = system.client({ token }).inventory.getStock(stock)
    await expect(refused).rejects.toMatchObject({ code: 'access.denied', status: 403 })
  }
})
