/** The last statement of a write: its events, audit rows and answer, and then the tick of the clock. */
import { type SQL, sql } from 'drizzle-orm'
import { ANY_TAG, FEED_TAGS_MAX } from '../../shared/freshness/feed.ts'
import type { FeedName, Position } from '../../shared/freshness/position.ts'
import type { AuditEntry, DomainEvent, Runner } from './database.ts'
import { statement, value } from './statement.ts'
import { v7 as uuidv7 } from './uuid.ts'

export interface TxEffects {
  /** What changed for cached readers. */
  tags: Set<string>
  /** Whose tokens end. */
  ended: Set<string>
  events: (DomainEvent & { id: string })[]
  audits: (AuditEntry & { id: string; contract: string | null })[]
  answer: {
    keyHash: string
    contract: string
    caller: string
    status: number
    response: unknown
  } | null
}

/**
 * Writes the effects in one round trip, or in none when there are none; in two when both feeds have a change. Their
 * clocks are locked in that order, by everyone.
 *
 * @returns the change that was made to the catalogue's feed.
 */
export async function finish(tx: Runner, effects: TxEffects): Promise<Position | null> {
  const { tags, ended, events, audits, answer } = effects
  const position = tags.size === 0 ? null : await tick(tx, 'catalogue', tags, effects)
  if (ended.size > 0) await tick(tx, 'cell', ended, position === null ? effects : NO_EFFECTS)
  else if (position === null && (events.length + audits.length > 0 || answer !== null)) {
    await tx.run(finishUntagged, written(effects))
  }
  return position
}

type Written = Pick<TxEffects, 'events' | 'audits' | 'answer'>
const NO_EFFECTS: Written = { events: [], audits: [], answer: null }

async function tick(tx: Runner, feed: FeedName, tags: Set<string>, effects: Written) {
  const named = tags.size > FEED_TAGS_MAX ? [ANY_TAG] : [...tags]
  const [position] = await tx.run(finishTagged, { ...written(effects), feed, tags: named })
  return position!
}

function written({ events, audits, answer }: Written) {
  return {
    events: JSON.stringify(events),
    audits: JSON.stringify(audits),
    answer: answer === null ? null : JSON.stringify(answer),
  }
}

/**
 * A clause that writes the parameter `events` (see `eventsJson`), for a statement that carries its own effects and so
 * spares the round trip of a last one.
 */
export function insertingEvents(when: SQL = sql`true`): SQL {
  return sql`insert into outbox (id, type, subject, payload, is_held)
    select id, type, subject, payload, coalesce("isHeld", false)
    from jsonb_to_recordset(${value('events')}::jsonb)
      as event(id uuid, type text, subject text, payload jsonb, "isHeld" boolean)
    where ${when}`
}

/** Likewise, a clause that completes an idempotency record with the parameter `answer`, in JSON or null. */
export function answering(when: SQL = sql`true`): SQL {
  return sql`update idempotency
    set state = 'done', status = answer.status, response = answer.response
    from jsonb_to_record(${value('answer')}::jsonb)
      as answer("keyHash" text, contract text, caller text, status int, response jsonb)
    where idempotency.key_hash = answer."keyHash" and idempotency.contract = answer.contract
      and idempotency.caller = answer.caller and idempotency.state = 'running' and ${when}`
}

/** Events as `insertingEvents` takes them. */
export function eventsJson(...events: DomainEvent[]): string {
  return JSON.stringify(events.map((event) => ({ id: uuidv7(), ...event })))
}

const records = sql`
  events as (${insertingEvents()}),
  audits as (
    insert into audit (id, actor, action, subject, request_id, contract, detail)
    select id, actor, action, subject, "requestId", contract, detail
    from jsonb_to_recordset(${value('audits')}::jsonb) as entry(id uuid, actor text, action text,
      subject text, "requestId" text, contract text, detail jsonb)
  ),
  answered as (${answering()})`

interface Records extends Record<string, unknown> {
  events: string
  audits: string
  answer: string | null
}

const finishUntagged = statement<Records, unknown>('finish_untagged', sql`with ${records} select 1`)

/**
 * The row of the clock is locked from here to the commit, so `n` is commit order. A Postgres that was started since
 * the history began may have lost its end, so the history is replaced in the same breath.
 */
const finishTagged = statement<Records & { feed: FeedName; tags: string[] }, Position>(
  'finish_tagged',
  sql`
  with ${records},
  tick as (
    update feed_clock set n = n + 1,
      history = case when origin_started_at = pg_postmaster_start_time() then history
        else 'h' || left(replace(gen_random_uuid()::text, '-', ''), 12) end,
      origin_started_at = pg_postmaster_start_time()
    where feed = ${value('feed')}
    returning feed, n, history
  ),
  change as (
    insert into feed_change (feed, n, tags)
    select feed, n, ${value('tags')}::text[] from tick
  )
  select n, history from tick`,
)
