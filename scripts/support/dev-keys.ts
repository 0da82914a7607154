/** The keys of a development system: each made once, kept in a folder that only its owner may read. */
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

/**
 * Reads the keys in `folder`, making those that are not there: all of them the first time, and later the ones that a
 * release has added.
 */
export function ensureKeys(folder: string): DevKeys {
  return {
    edgeSecret: kept(folder, 'edge-secret', () => `edge-dev:${newSecret()}`),
    cartKey: kept(folder, 'cart-key', newSecret),
    authSecret: kept(folder, 'auth-secret', newSecret),
    tokenKeySecret: kept(folder, 'token-key-secret', newSecret),
  }
}

/** The text of a file in `folder`, made and written when there is none. */
export function kept(folder: string, name: string, make: () => string): string {
  const file = join(folder, name)
  // One that is empty was being written when its process ended.
  const known = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  if (known !== '') return known
  const made = make()
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(file, `${made}\n`, { mode: 0o600 })
  return made
}

function newSecret(): string {
  return randomBytes(32).toString('base64url')
}
