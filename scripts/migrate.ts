/** `npm run migrate`: brings the database of `DATABASE_URL` to this release's schema. Safe to repeat. */
import { text } from 'node:stream/consumers'
import type { Login } from './support/app-role.ts'
import { optionsOf } from './support/arguments.ts'
import { migrate } from './support/migrate.ts'

const HELP = `Usage: DATABASE_URL=postgres://… npm run migrate [-- --login NAME]

Applies the migrations in drizzle/ and the job queue's tables, each once, as the owner of the tables. Then gives the
role tradewind_app what a cell needs: everything but changing the audit log. A cell connects as a login of that role.

  --login NAME  creates that login, or changes its password, which is taken from APP_PASSWORD or else read from
                standard input: 16 to 256 visible ASCII characters`

const values = optionsOf(HELP, { login: { type: 'string' } })
const url = process.env.DATABASE_URL
try {
  if (!url) throw new Error('Set DATABASE_URL to the database to migrate.')
  // Read first: nothing is half done when there is no password.
  const login = values.login === undefined ? undefined : await loginOf(values.login)
  await migrate(url, login)
  console.log('The database is up to date.')
  if (login !== undefined) console.log(`A cell may connect as ${login.name}.`)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}

async function loginOf(name: string): Promise<Login> {
  const { APP_PASSWORD: given } = process.env
  if (given === undefined && process.stdin.isTTY) {
    throw new Error('Set APP_PASSWORD, or pipe the password to this command.')
  }
  return { name, password: given ?? (await text(process.stdin)).trim() }
}
