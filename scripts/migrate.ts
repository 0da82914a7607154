/** `npm run migrate`: brings the database of `DATABASE_URL` to this release's schema. Safe to repeat. */
import { parseArgs } from 'node:util'
import { migrate } from './support/migrate.ts'

const HELP = `Usage: DATABASE_URL=postgres://… npm run migrate

Applies the migrations in drizzle/ and the job queue's tables, each once.`

const { values } = parseArgs({ options: { help: { type: 'boolean', default: false } } })
const url = process.env.DATABASE_URL
if (values.help) console.log(HELP)
else if (url === undefined) {
  console.error('Set DATABASE_URL to the database to migrate.')
  process.exitCode = 1
} else {
  await migrate(url)
  console.log('The database is up to date.')
}
