/** What recurs here. */
import { sql } from 'drizzle-orm'
import type { Job } from '../../platform/implement.ts'
import { statement } from '../../platform/statement.ts'

const prune = statement<Record<string, never>, unknown>(
  'verification_prune',
  sql`delete from verification where expires_at < now()`,
)

/** Links and challenges that have lapsed. */
export const pruneVerifications: Job = {
  name: 'identity.prune-verifications',
  everySeconds: 600,
  run: async ({ db }) => {
    await db.run(prune, {})
  },
}
