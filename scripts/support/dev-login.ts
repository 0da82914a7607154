/** The login with which the development system's cell connects: as little may it do as a cell in production. */
import { createHash, randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Login } from './app-role.ts'
import { kept } from './dev-keys.ts'

/**
 * The login of one installation, whose password is made once and kept in `folder`. The name is the folder's own, so that
 * two installations can use one Postgres, and one that begins again leaves no login behind.
 */
export function ensureDevLogin(folder: string): Login {
  const password = kept(folder, 'database-password', () => randomBytes(24).toString('base64url'))
  const place = createHash('sha256').update(`${hostname()}:${folder}`).digest('hex')
  return { name: `tradewind_dev_${place.slice(0, 12)}`, password }
}
