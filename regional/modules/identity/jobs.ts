/** What recurs here. */
import { sql } from 'drizzle-orm'
import type { Job } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'

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

const pruneTokens = statement<{ days: number }, unknown>(
  'refresh_token_prune',
  sql`delete from refresh_token
    where used_at < now() - make_interval(days => ${value('days')}::int)`,
)

/** A used token is kept so long, to know who has it when it is presented again. */
const USED_TOKEN_DAYS = 30

export const pruneRefreshTokens: Job = {
  name: 'identity.prune-refresh-tokens',
  everySeconds: 3_600,
  run: async ({ db }) => {
    await db.run(pruneTokens, { days: USED_TOKEN_DAYS })
  },
}
