/** `npm run keys:rotate`: gives a cell its next key to sign access tokens with, without a moment in which one is refused. */
import type { KeySettings } from '../regional/config.ts'
import { codeOf, Database } from '../regional/platform/database.ts'
import { createLog } from '../regional/platform/log.ts'
import {
  AHEAD_SECONDS,
  listSigningKeys,
  rotateSigningKey,
} from '../regional/platform/signing-keys.ts'
import { optionsOf } from './support/arguments.ts'
import { cellSettings } from './support/cell-settings.ts'

const HELP = `Usage: npm run keys:rotate [-- --list | --withdraw KID [--withdraw KID]] [--json]

Adds a key that is published at once and signs in ${AHEAD_SECONDS / 60} minutes, when every edge knows it. The key before it is
published until the last token it signed has expired. Run it as often as you like, by hand or by a timer.

  --list          shows the keys and changes nothing
  --withdraw KID  a key that somebody else may have: it is gone at once, the new one signs at once, and every token
                  that the old one signed ends within the feed's delay (who has a session refreshes it)
  --json          prints only {rotated, keys: [{kid, signing, signsFrom, verifiesUntil}]}

Of the cell in this folder's development system, or by CELL, DATABASE_URL and TOKEN_KEY_SECRET.`

const WAIT_MS_MAX = 5_000

const values = optionsOf(HELP, {
  list: { type: 'boolean', default: false },
  withdraw: { type: 'string', multiple: true, default: [] },
  json: { type: 'boolean', default: false },
})

await main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})

async function main(): Promise<void> {
  const { list, withdraw, json } = values
  if (list && withdraw.length > 0) throw new Error('--list changes nothing: leave --withdraw out')
  const settings = cellSettings()
  const db = open(settings)
  try {
    const rotated = list ? null : await rotate(db, settings, withdraw)
    const keys = (await listSigningKeys(db)).map((key) => ({
      kid: key.kid,
      signing: key.isSigning,
      signsFrom: key.signsFrom,
      verifiesUntil: key.verifiesUntil,
    }))
    if (json) console.log(JSON.stringify({ rotated, keys }))
    else print(rotated, keys)
  } catch (error) {
    throw told(error as Error)
  } finally {
    await db.close()
  }
}

function open({ CELL: cell, DATABASE_URL: url, NEON_WS_PROXY: neonProxy }: KeySettings): Database {
  const limits = { poolMax: 2, waitingMax: 1, waitMsMax: WAIT_MS_MAX }
  return new Database({ url, neonProxy, ...limits }, createLog({ level: 'silent', cell }))
}

async function rotate(
  db: Database,
  { CELL: cell, TOKEN_KEY_SECRET: secret }: KeySettings,
  withdraw: readonly string[],
): Promise<string> {
  const rotation = { now: withdraw.length > 0, withdraw }
  return (await db.inTransaction((tx) => rotateSigningKey(tx, { cell, secret }, rotation))).value
}

/** A driver's message holds the statement's values, and with them the new key. */
function told(cause: Error): Error {
  const code = codeOf(cause)
  if (code === undefined && !isOfStatement(cause)) return cause
  const message = `The keys cannot be read or changed (${code ?? 'no answer'}): check DATABASE_URL`
  return new Error(message, { cause })
}

function isOfStatement(error: Error): boolean {
  if ('query' in error) return true
  return error.cause instanceof Error && isOfStatement(error.cause)
}

interface ShownKey {
  kid: string
  signing: boolean
  signsFrom: string
  verifiesUntil: string | null
}

function print(rotated: string | null, keys: readonly ShownKey[]): void {
  for (const { kid, signing, signsFrom, verifiesUntil } of keys) {
    const end = verifiesUntil === null ? '' : `, published until ${verifiesUntil}`
    console.log(`${kid.padEnd(24)} ${signing ? 'signs' : 'signs from'} ${signsFrom}${end}`)
  }
  if (rotated !== null) console.log(`\n${rotated} is new.`)
}
