/** Tokens of development: good where the system runs, and nowhere else. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ensureKeys, readKeys } from '../../scripts/support/dev-keys.ts'
import { issueToken } from '../../scripts/token.ts'

let folder: string
let keysFolder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tradewind-keys-'))
  keysFolder = join(folder, 'keys')
  vi.stubEnv('NODE_ENV', 'development')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

async function claimsOf(token: string) {
  const { jwks } = readKeys(keysFolder)
  const keys = createLocalJWKSet(JSON.parse(jwks))
  const rules = { issuer: 'tradewind:eu', audience: 'tradewind', typ: 'at+jwt' }
  return (await jwtVerify(token, keys, rules)).payload
}

test('a staff token has every scope unless told otherwise, and ten minutes to live', async () => {
  await ensureKeys(keysFolder)
  const claims = await claimsOf(await issueToken({ role: 'staff', keysFolder }))
  expect(claims).toMatchObject({ role: 'staff', sub: 'stf_dev' })
  expect(String(claims.scope).split(' ')).toContain('catalogue:write')
  expect(claims.exp! - claims.iat!).toBe(600)
  const scopes = ['orders:read']
  const narrow = await claimsOf(await issueToken({ role: 'staff', scopes, sub: 'me', keysFolder }))
  expect(narrow).toMatchObject({ scope: 'orders:read', sub: 'me' })
})

test('a customer token has no scope', async () => {
  await ensureKeys(keysFolder)
  const claims = await claimsOf(await issueToken({ role: 'customer', keysFolder }))
  expect(claims.role).toBe('customer')
  expect(claims.scope).toBeUndefined()
})

test('a customer token names its group, and only what can be one', async () => {
  await ensureKeys(keysFolder)
  const claims = await claimsOf(
    await issueToken({ role: 'customer', group: 'wholesale', keysFolder }),
  )
  expect(claims.group).toBe('wholesale')
  for (const [role, group] of [
    ['customer', 'Not A Group'],
    ['staff', 'wholesale'],
  ] as const) {
    await expect(issueToken({ role, group, keysFolder })).rejects.toThrow(/group/)
  }
})

test.each(['production', 'staging', 'test', ''])(
  'none is issued when NODE_ENV is "%s"',
  async (name) => {
    await ensureKeys(keysFolder)
    vi.stubEnv('NODE_ENV', name)
    await expect(issueToken({ role: 'staff', keysFolder })).rejects.toThrow(/in development only/)
  },
)

test('none is issued without keys, and it is said where they come from', async () => {
  await expect(issueToken({ role: 'staff', keysFolder })).rejects.toThrow(/npm run dev/)
})

describe('the keys', () => {
  test('are made once, and are their owner’s alone', async () => {
    const made = await ensureKeys(keysFolder)
    expect(await ensureKeys(keysFolder)).toEqual(made)
    expect(statSync(keysFolder).mode & 0o077).toBe(0)
    for (const file of ['token-private.jwk.json', 'edge-secret', 'cart-key', 'jwks.json']) {
      expect(statSync(join(keysFolder, file)).mode & 0o077, file).toBe(0)
    }
  })

  test('that are public hold no private part', async () => {
    const { jwks, tokenKey } = await ensureKeys(keysFolder)
    expect(tokenKey.d).toEqual(expect.any(String))
    expect(jwks).not.toContain(tokenKey.d)
    expect(JSON.parse(jwks).keys[0]).not.toHaveProperty('d')
  })
})
