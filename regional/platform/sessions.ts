/** What the cell says of a session, to its own verifier and to the edges that ask. */
import { type SQL, sql } from 'drizzle-orm'
import type { HomeAnswer } from '../../shared/auth/token-verifier.ts'
import { ANY_TAG } from '../../shared/freshness/feed.ts'
import { accountTag, type Standing } from '../../shared/principal.ts'
import { Problem } from '../../shared/problems.ts'
import type { Database, Runner, Tx } from './database.ts'
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

/** A clause that yields the session that the parameter `session` names, and keeps it from ending before the commit. */
export const holdingSession: SQL = sql`select id from session
  where id = ${value('session')} and expires_at > now() for key share`

const holdOne = statement<{ session: string }, { id: string }>('session_hold', holdingSession)

/**
 * Keeps a session from ending before this transaction has, for a write that gives an account something new to own: what
 * ends the session, such as an erasure, then finds it.
 *
 * @throws {Problem} `token.refused` when it has ended.
 */
export async function holdSession(tx: Tx, id: string): Promise<void> {
  const [held] = await tx.run(holdOne, { session: id })
  if (held === undefined) throw new Problem('token.refused')
}

const deleteSessionsOf = statement<{ accountId: string }, unknown>(
  'session_end_all',
  sql`delete from session where account_id = ${value('accountId')}`,
)

/** Ends all of an account's sessions, and with the commit the access tokens that they gave. */
export async function endSessionsOf(tx: Tx, accountId: string): Promise<void> {
  await tx.run(deleteSessionsOf, { accountId })
  tx.endTokens(accountTag(accountId))
}

export interface KeptSession {
  id: string
  device: string | null
  ipAddress: string | null
  createdAt: string
  lastUsedAt: string
}

const instant = (column: SQL) =>
  sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

const selectSessionsOf = statement<{ accountId: string; limit: number }, KeptSession>(
  'session_of_account',
  sql`
  select id, user_agent as device, ip_address as "ipAddress",
    ${instant(sql`created_at`)} as "createdAt", ${instant(sql`updated_at`)} as "lastUsedAt"
  from session where account_id = ${value('accountId')}
  order by id limit ${value('limit')}::int`,
)

/** What is kept of an account's sessions. */
export async function sessionsOf(
  runner: Runner,
  request: { accountId: string; limit: number },
): Promise<KeptSession[]> {
  return await runner.run(selectSessionsOf, request)
}
