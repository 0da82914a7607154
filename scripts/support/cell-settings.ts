/** The settings of a cell for a command that works on its keys. */
import { type KeySettings, readKeySettings } from '../../regional/config.ts'
import { ensureKeys } from './dev-keys.ts'
import { DEV_CELL } from './dev-system.ts'
import { KEYS_FOLDER, readDevState } from './state.ts'

/**
 * The environment's own where it names a database, else those of the development system that runs in this folder.
 *
 * @throws {Error} when there is neither, or when one is at fault.
 */
export function cellSettings(): KeySettings {
  if (process.env.DATABASE_URL) return readKeySettings(process.env)
  const state = readDevState()
  if (state === null) throw new Error('Set DATABASE_URL, or start the system with `npm run dev`')
  return readKeySettings({
    CELL: DEV_CELL,
    DATABASE_URL: state.databaseUrl,
    NEON_WS_PROXY: process.env.NEON_WS_PROXY,
    TOKEN_KEY_SECRET: ensureKeys(KEYS_FOLDER).tokenKeySecret,
  })
}
