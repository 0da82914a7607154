/**
 * Refresh tokens: each is good for one use, and its use brings the next (RFC 9700 §4.14.2).
 *
 * The next is derived from the one before, so a client whose answer was lost, or that asked twice at once, is given the same
 * one again. Whoever presents a token whose successor has been used, or long after, is one of two who hold it: the
 * session ends.
 */

import { createHmac, randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { Tx } from '../../platform/database.ts'
import { digestOf } from '../../platform/digest.ts'
import { statement, value } from '../../platform/statement.ts'

/** How long after its first use a token may be presented again, while its successor is unused. */
export const REPEAT_SECONDS_MAX = 10

/** `rt_eu_<session>.<secret>`: the part before the dot names cell and session, and proves nothing. */
const FORM = /^rt_([a-z][a-z0-9-]{0,15}_[0-9a-f]{32})\.([A-Za-z0-9_-]{43})$/

const insert = statement<{ hash: string; sessionId: string; parent: string | null }, unknown>(
  'refresh_token_insert',
  sql`insert into refresh_token (hash, session_id, parent)
    values (${value('hash')}, ${value('sessionId')}, ${value('parent')})
    on conflict do nothing`,
)

/** The first token of a session. */
export async function firstRefreshToken(tx: Tx, sessionId: string): Promise<string> {
  const token = named(sessionId, randomBytes(32))
  await tx.run(insert, { hash: digestOf(token), sessionId, parent: null })
  return token
}

const deleteTokens = statement<{ sessionId: string }, unknown>(
  'refresh_token_forget',
  sql`delete from refresh_token where session_id = ${value('sessionId')}`,
)

/** None of a session's tokens is good any more; the session stands. */
export async function forgetRefreshTokens(tx: Tx, sessionId: string): Promise<void> {
  await tx.run(deleteTokens, { sessionId })
}

interface Presented {
  isUsed: boolean
  isRecent: boolean
  isSucceeded: boolean
}

const selectToken = statement<{ hash: string; repeatSeconds: number }, Presented>(
  'refresh_token_presented',
  sql`
  select used_at is not null as "isUsed",
    used_at > now() - make_interval(secs => ${value('repeatSeconds')}::int) as "isRecent",
    exists (select from refresh_token next
      where next.parent = refresh_token.hash and next.used_at is not null) as "isSucceeded"
  from refresh_token where hash = ${value('hash')}`,
)

const markUsed = statement<{ hash: string }, unknown>(
  'refresh_token_use',
  sql`update refresh_token set used_at = now() where hash = ${value('hash')} and used_at is null`,
)

/** The session that a refresh token names; `null` for what is none. It proves nothing yet. */
export function sessionIn(token: string): string | null {
  const [, named] = FORM.exec(token) ?? []
  return named === undefined ? null : `ses_${named}`
}

export type Rotated =
  | { outcome: 'rotated'; next: string }
  /** Somebody else has used it: the session is to be ended. */
  | { outcome: 'reused' }
  | { outcome: 'unknown' }

/**
 * The caller has locked the session that the token names, so of two uses at once the second sees what the first did.
 *
 * @param key the cell's, from which successors are derived.
 */
export async function rotate(
  tx: Tx,
  { token, sessionId, key }: { token: string; sessionId: string; key: Buffer },
): Promise<Rotated> {
  const hash = digestOf(token)
  const [presented] = await tx.run(selectToken, { hash, repeatSeconds: REPEAT_SECONDS_MAX })
  if (presented === undefined) return { outcome: 'unknown' }
  const { isUsed, isRecent, isSucceeded } = presented
  if (isUsed && (isSucceeded || !isRecent)) return { outcome: 'reused' }
  const next = named(sessionId, createHmac('sha256', key).update(hash).digest())
  await tx.run(markUsed, { hash })
  await tx.run(insert, { hash: digestOf(next), sessionId, parent: hash })
  return { outcome: 'rotated', next }
}

function named(sessionId: string, secret: Buffer): string {
  return `rt_${sessionId.slice('ses_'.length)}.${secret.toString('base64url')}`
}
