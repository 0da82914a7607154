/** `npm run migrate`: brings the database of `DATABASE_URL` to this release's schema. Safe to repeat. */
import { optionsOf } from './support/arguments.ts'
import { migrate } from './support/migrate.ts'

const HELP = `Usage: DATABASE_URL=postgres://… npm run migrate

Applies the migrations in drizzle/ and the job queue's tables, each once.`

optionsOf(HELP, {})
const url = process.env.DATABASE_URL
try {
  if (!url) throw new Error('Set DATABASE_URL to the database to migrate.')
  await migrate(url)
  console.log('The database is up to date.')
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
