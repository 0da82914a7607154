/** The login with which the development system's cell connects: as little may it do as a cell in production. */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Login } from './app-role.ts'

/**
 * The login of one installation, whose password is made once and kept in `folder`. The name is the folder's own, so that
 * two installations can use one Postgres, and one that begins again leaves no login behind.
 */
export function ensureDevLogin(folder: string): Login {
  const file = join(folder, 'database-password')
  if (!existsSync(file)) {
    writeFileSync(file, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  }
  const place = createHash('sha256').update(`${hostname()}:${folder}`).digest('hex')
  return {
    name: `tradewind_dev_${place.slice(0, 12)}`,
    password: readFileSync(file, 'utf8').trim(),
  }
}
