/** Applies the migrations in `drizzle/`, in order, each once. */
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as migrateWith } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'

/** @throws when a migration fails; it is rolled back. */
export async function migrate(url: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  try {
    await migrateWith(drizzle({ client: pool }), {
      migrationsFolder: new URL('../../drizzle', import.meta.url).pathname,
    })
  } finally {
    await pool.end()
  }
}
