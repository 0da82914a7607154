/** What the cell says of a session, to its own verifier and to the edges that ask. */
import { type SQL, sql } from 'drizzle-orm'
import type { HomeAnswer } from '../../shared/auth/token-verifier.ts'
import { ANY_TAG } from '../../shared/freshness/feed.ts'
import type { Position } from '../../shared/freshness/position.ts'
import { accountTag, type Standing, sessionTag } from '../../shared/principal.ts'
import { Problem } from '../../shared/problems.ts'
import type { Database, Runner, Tx } from './database.ts'
import { type StampRow, stampColumns, stamped } from './feed.ts'
import { momentText, statement, value } from './statement.ts'

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

const deleteOfAccount = statement<{ accountId: string }, unknown>(
  'session_end_all',
  sql`delete from session where account_id = ${value('accountId')}`,
)

/** Ends every session of an account, and every token that was made of one. */
export async function endSessionsOf(tx: Tx, accountId: string): Promise<void> {
  await tx.run(deleteOfAccount, { accountId })
  tx.endTokens(accountTag(accountId))
}

export interface StoredSession {
  id: string
  userAgent: string | null
  createdAt: string
  usedAt: string
}

export interface NewSession extends Record<string, unknown> {
  id: string
  accountId: string
  userAgent: string | null
  /** How long it stands without being used, and how long at most. */
  idleSeconds: number
  lifeSeconds: number
}

const insertSession = statement<NewSession, unknown>(
  'session_begin',
  sql`insert into session (id, account_id, user_agent, idle_seconds, expires_at, ends_at)
    values (${value('id')}, ${value('accountId')}, ${value('userAgent')},
      ${value('idleSeconds')}::int,
      now() + make_interval(secs => ${value('idleSeconds')}::int),
      now() + make_interval(secs => ${value('lifeSeconds')}::int))`,
)

export async function beginSession(tx: Tx, session: NewSession): Promise<void> {
  await tx.run(insertSession, session)
}

const useOne = statement<{ id: string }, { accountId: string }>(
  'session_use',
  sql`update session
    set used_at = now(),
      expires_at = least(ends_at, now() + make_interval(secs => idle_seconds))
    where id = ${value('id')} and expires_at > now() returning account_id as "accountId"`,
)

/** Prolongs a session that stands. @returns whose it is, or `null` when it does not. */
export async function useSession(tx: Tx, id: string): Promise<string | null> {
  return (await tx.run(useOne, { id }))[0]?.accountId ?? null
}

const deleteOne = statement<{ id: string; accountId: string | null }, { accountId: string }>(
  'session_end',
  sql`delete from session where id = ${value('id')}
      and (${value('accountId')}::text is null or account_id = ${value('accountId')}::text)
    returning account_id as "accountId"`,
)

/**
 * Ends one session, and its tokens.
 *
 * @param session.accountId whose it must be; anybody's when left out.
 * @returns whose it was, or `null` when there is no such session.
 */
export async function endSession(
  tx: Tx,
  { id, accountId = null }: { id: string; accountId?: string | null },
): Promise<string | null> {
  const [ended] = await tx.run(deleteOne, { id, accountId })
  if (ended === undefined) return null
  tx.endTokens(sessionTag(id))
  return ended.accountId
}

const deleteOthers = statement<{ id: string; accountId: string }, { id: string }>(
  'session_end_others',
  sql`delete from session
    where account_id = ${value('accountId')} and id <> ${value('id')} returning id`,
)

/** Past so many, the account's tag stands for them: tags that are too many would end the tokens of everybody. */
const SESSION_TAGS_MAX = 100

/** Ends every session of an account but one, and their tokens; of very many, that one's access token too. */
export async function endOtherSessionsOf(
  tx: Tx,
  { id, accountId }: { id: string; accountId: string },
): Promise<void> {
  const ended = await tx.run(deleteOthers, { id, accountId })
  if (ended.length > SESSION_TAGS_MAX) tx.endTokens(accountTag(accountId))
  else tx.endTokens(...ended.map((session) => sessionTag(session.id)))
}

const selectOfAccount = statement<{ accountId: string; limit: number }, StoredSession>(
  'session_list',
  sql`select id, user_agent as "userAgent",
      ${momentText(sql`created_at`)} as "createdAt",
      ${momentText(sql`used_at`)} as "usedAt"
    from session where account_id = ${value('accountId')} and expires_at > now()
    order by used_at desc, id limit ${value('limit')}::int`,
)

/** An account's newest sessions, the one used last first. */
export async function sessionsOf(
  runner: Runner,
  asked: { accountId: string; limit: number },
): Promise<StoredSession[]> {
  return await runner.run(selectOfAccount, asked)
}

const selectClock = statement<Record<string, never>, Position>(
  'session_clock',
  sql`select clock.n, clock.history from feed_clock clock where clock.feed = 'cell'`,
)

/**
 * The clock that a token carries. Read before what the token says: a change between makes the token look older than it is,
 * and never newer.
 */
export async function tokenClock(tx: Tx): Promise<Position> {
  return (await tx.run(selectClock, {}))[0]!
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
