/** The login of the cells under test. They connect as in production; what a test arranges, it arranges as the owner. */
import { randomBytes } from 'node:crypto'
import { type Login, urlAs } from '../../scripts/support/app-role.ts'
import { migrate } from '../../scripts/support/migrate.ts'

/** Made once a run; the processes that run test files inherit it. */
process.env.TRADEWIND_TEST_PASSWORD ??= randomBytes(24).toString('base64url')

const appLogin: Login = {
  name: 'tradewind_cell',
  password: process.env.TRADEWIND_TEST_PASSWORD,
}

/** The same database as a cell connects to it. */
export function asApp(url: string): string {
  return urlAs(url, appLogin)
}

/** Migrates a database of a test's own, whose cells may then connect. */
export async function migrateForCells(url: string): Promise<void> {
  await migrate(url, appLogin)
}
