/** The keys of a development system: made once, kept in a folder that only its owner may read. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, type JWK } from 'jose'

export interface DevKeys {
  /** `keyid:secret`, shared by edge and cell. */
  edgeSecret: string
  cartKey: string
  authSecret: string
  /** The public keys, a JWKS document. */
  jwks: string
  /** Signs access tokens. */
  tokenKey: JWK
}

const FILES = {
  tokenKey: 'token-private.jwk.json',
  jwks: 'jwks.json',
  edgeSecret: 'edge-secret',
  cartKey: 'cart-key',
  authSecret: 'auth-secret',
} as const

/** Reads the keys in `folder`, making them the first time. */
export async function ensureKeys(folder: string): Promise<DevKeys> {
  if (!existsSync(join(folder, FILES.tokenKey))) await makeKeys(folder)
  return readKeys(folder)
}

/** @throws {Error} when there are none. */
export function readKeys(folder: string): DevKeys {
  const read = (file: string) => readFileSync(join(folder, file), 'utf8').trim()
  if (!existsSync(join(folder, FILES.tokenKey))) {
    throw new Error(`There are no keys in ${folder}: start the system once with \`npm run dev\``)
  }
  return {
    tokenKey: JSON.parse(read(FILES.tokenKey)) as JWK,
    jwks: read(FILES.jwks),
    edgeSecret: read(FILES.edgeSecret),
    cartKey: read(FILES.cartKey),
    authSecret: read(FILES.authSecret),
  }
}

async function makeKeys(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const write = (file: string, text: string) =>
    writeFileSync(join(folder, file), `${text}\n`, { mode: 0o600 })
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const named = { kid: `dev-${randomBytes(4).toString('hex')}`, alg: 'EdDSA', use: 'sig' }
  const publicKey = { ...(await exportJWK(pair.publicKey)), ...named }
  write(FILES.edgeSecret, `edge-dev:${randomBytes(32).toString('base64url')}`)
  write(FILES.cartKey, randomBytes(32).toString('base64url'))
  write(FILES.authSecret, randomBytes(32).toString('base64url'))
  write(FILES.jwks, JSON.stringify({ keys: [publicKey] }))
  // Last: its presence says that all are there.
  write(FILES.tokenKey, JSON.stringify({ ...(await exportJWK(pair.privateKey)), ...named }))
}
