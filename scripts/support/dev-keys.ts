/** The keys of a development system: made once, kept in a folder that only its owner may read. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface DevKeys {
  /** `keyid:secret`, shared by edge and cell. */
  edgeSecret: string
  cartKey: string
  /** Derives the keys of mailed links and second factors. */
  authSecret: string
  /** Encrypts the keys that sign access tokens. */
  tokenKeySecret: string
}

const FILES = {
  tokenKeySecret: 'token-key-secret',
  edgeSecret: 'edge-secret',
  cartKey: 'cart-key',
  authSecret: 'auth-secret',
} as const

/** Reads the keys in `folder`, making them the first time. */
export function ensureKeys(folder: string): DevKeys {
  if (!existsSync(join(folder, FILES.tokenKeySecret))) makeKeys(folder)
  return readKeys(folder)
}

/** @throws {Error} when there are none. */
export function readKeys(folder: string): DevKeys {
  const read = (file: string) => readFileSync(join(folder, file), 'utf8').trim()
  if (!existsSync(join(folder, FILES.tokenKeySecret))) {
    throw new Error(`There are no keys in ${folder}: start the system once with \`npm run dev\``)
  }
  return {
    tokenKeySecret: read(FILES.tokenKeySecret),
    edgeSecret: read(FILES.edgeSecret),
    cartKey: read(FILES.cartKey),
    authSecret: read(FILES.authSecret),
  }
}

function makeKeys(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const write = (file: string, text: string) =>
    writeFileSync(join(folder, file), `${text}\n`, { mode: 0o600 })
  write(FILES.edgeSecret, `edge-dev:${randomBytes(32).toString('base64url')}`)
  write(FILES.cartKey, randomBytes(32).toString('base64url'))
  write(FILES.authSecret, randomBytes(32).toString('base64url'))
  // Last: its presence says that all are there.
  write(FILES.tokenKeySecret, randomBytes(32).toString('base64url'))
}
