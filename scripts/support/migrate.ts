/** Applies the migrations in `drizzle/`, in order, each once, and the job queue's own tables; then sets the cell's rights. */
import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as migrateWith } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { installJobs } from '../../regional/platform/jobs.ts'
import { assertLogin, ensureLogin, grantRights, type Login } from './app-role.ts'

/**
 * @param url as the owner of the tables, who may create roles.
 * @param login of the cell, to be created or given its password.
 * @throws {Error} that says why, without the address and its password; a migration that fails is rolled back.
 */
export async function migrate(url: string, login?: Login): Promise<void> {
  if (login !== undefined) assertLogin(login)
  await apply(url).catch((error: Error) => {
    const { message, code } = (error.cause ?? error) as Error & { code?: string }
    const reason = message || code
    throw new Error(`The database cannot be migrated (${reason}): check DATABASE_URL`, {
      cause: error,
    })
  })
  if (login !== undefined) await ensureLogin(url, login)
}

async function apply(url: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  try {
    await migrateWith(drizzle({ client: pool }), {
      migrationsFolder: fileURLToPath(new URL('../../drizzle', import.meta.url)),
    })
    await installJobs({ executeSql: (text, values) => pool.query(text, values) })
  } finally {
    await pool.end()
  }
  await grantRights(url)
}
