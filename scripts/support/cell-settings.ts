/** The settings of a cell for a command that works on its database. */

import { ensureKeys } from './dev-keys.ts'
import { cellEnvironment } from './dev-system.ts'
import { KEYS_FOLDER, readDevState } from './state.ts'

/**
 * The environment's own where it names a database, else those of the development system that runs in this folder.
 *
 * @throws {Error} when there is neither.
 */
export function cellSettings(): Record<string, string | undefined> {
  if (process.env.DATABASE_URL !== undefined) return process.env
  const state = readDevState()
  if (state === null) throw new Error('Set DATABASE_URL, or start the system with `npm run dev`')
  const { databaseUrl, edgeUrl } = state
  return {
    ...cellEnvironment({ port: 0, edgeUrl, databaseUrl, keys: ensureKeys(KEYS_FOLDER) }),
    LOG_LEVEL: 'warn',
  }
}
