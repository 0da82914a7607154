/** What the cell says of a session, to its own verifier and to the edges that ask. */
import { sql } from 'drizzle-orm'
import type { HomeAnswer } from '../../shared/auth/token-verifier.ts'
import { ANY_TAG } from '../../shared/freshness/feed.ts'
import type { Standing } from '../../shared/principal.ts'
import type { Database, Runner } from './database.ts'
import { type StampRow, stampColumns, stamped } from './feed.ts'
import { statement, value } from './statement.ts'

interface StandingRow extends StampRow {
  stands: boolean
}

/** One statement: the state that it names is the one it looked at. Changes that are no longer kept may be of anything. */
const selectStanding = statement<{ session: string; stamp: number; tags: string[] }, StandingRow>(
  'session_standing',
  sql`
  select ${stampColumns},
    exists (select from session where id = ${value('session')} and expires_at > now())
    and ${value('stamp')}::bigint <= clock.n
    and ${value('stamp')}::bigint >= coalesce(
      (select min(kept.n) - 1 from feed_change kept where kept.feed = 'cell'), clock.n)
    and not exists (select from feed_change change
      where change.feed = 'cell' and change.n > ${value('stamp')}::bigint
        and change.tags && ${value('tags')}::text[]) as stands
  from feed_clock clock where clock.feed = 'cell'`,
)

/** Whether the session stands and nothing has ended the token since its stamp; if so, as of which state. */
export async function standingOf(
  db: Database,
  asked: { session: string; standing: Standing },
): Promise<HomeAnswer> {
  const { session, standing } = asked
  const values = { session, stamp: standing.stamp, tags: [...standing.tags, ANY_TAG] }
  const row = await stamped(db, async () => (await db.run(selectStanding, values))[0]!)
  return row.stands ? { n: row.n, history: row.history } : 'ended'
}

const deleteExpired = statement<Record<string, never>, unknown>(
  'session_prune',
  sql`delete from session where expires_at < now()`,
)

/** A session that has run out gives no new tokens, and its last one has long expired. */
export async function pruneSessions(runner: Runner): Promise<void> {
  await runner.run(deleteExpired, {})
}
