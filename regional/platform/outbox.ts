/** Moves events from the outbox to the queues of their reactions, at least once. */
import { sql } from 'drizzle-orm'
import { fromDrizzle, type PgBoss } from 'pg-boss'
import type { Database, Runner } from './database.ts'
import type { Reaction, StoredEvent } from './implement.ts'
import { statement, value } from './statement.ts'

export const DISPATCH_BATCH_MAX = 100
/** How long an event is kept after it was handed on. */
export const OUTBOX_DAYS = 7
/** How long a held payload waits for its reaction. */
export const HELD_HOURS_MAX = 24

const claim = statement<{ limit: number }, StoredEvent>(
  'outbox_claim',
  sql`select id, type, subject, case when is_held then '{}' else payload end as payload
    from outbox where dispatched_at is null order by id limit ${value('limit')} for update skip locked`,
)

const mark = statement<{ ids: string[] }, unknown>(
  'outbox_mark',
  sql`update outbox set dispatched_at = now() where id = any(${value('ids')}::uuid[])`,
)

const anyWaiting = statement<Record<string, never>, { waiting: boolean }>(
  'outbox_waiting',
  sql`select exists (select from outbox where dispatched_at is null) as waiting`,
)

interface Dispatched {
  /** The queues that were given work. */
  queues: string[]
  /** True when there may be more. */
  full: boolean
}

/**
 * Hands on one batch of events, in the order of their ids. The marks and the jobs are one transaction; a job has its
 * event's id, so a queue takes an event once.
 */
export async function dispatchEvents(options: {
  boss: PgBoss
  db: Database
  reactions: readonly Reaction[]
}): Promise<Dispatched> {
  const { boss, db, reactions } = options
  // Most looks find nothing, and need no transaction to find it.
  const [row] = await db.run(anyWaiting, {})
  if (!row!.waiting) return { queues: [], full: false }
  const { value: dispatched } = await db.inTransaction(async (tx) => {
    const events = await tx.run(claim, { limit: DISPATCH_BATCH_MAX })
    const queues: string[] = []
    for (const reaction of reactions) {
      const jobs = events
        .filter((event) => event.type === reaction.on)
        .map((event) => ({ id: event.id, data: event }))
      if (jobs.length === 0) continue
      await boss.insert(reaction.name, jobs, { db: fromDrizzle(tx.query, sql) })
      queues.push(reaction.name)
    }
    if (events.length > 0) await tx.run(mark, { ids: events.map((event) => event.id) })
    return { queues, full: events.length === DISPATCH_BATCH_MAX }
  })
  return dispatched
}

const prune = statement<{ days: number }, unknown>(
  'outbox_prune',
  sql`delete from outbox where dispatched_at < now() - make_interval(days => ${value('days')}::int)`,
)

const forgetLapsed = statement<{ hours: number }, unknown>(
  'outbox_forget_lapsed',
  sql`update outbox set payload = '{}', is_held = false
    where is_held and occurred_at < now() - make_interval(hours => ${value('hours')}::int)`,
)

export async function pruneOutbox(runner: Runner): Promise<void> {
  await runner.run(prune, { days: OUTBOX_DAYS })
  await runner.run(forgetLapsed, { hours: HELD_HOURS_MAX })
}

export interface HeldPayload {
  payload: Record<string, unknown>
  /** How long ago its transaction began, by the database's clock. */
  ageSeconds: number
}

const held = statement<{ id: string }, HeldPayload>(
  'outbox_held',
  sql`select payload, extract(epoch from now() - occurred_at)::float8 as "ageSeconds"
    from outbox where id = ${value('id')}::uuid and is_held`,
)

/** What an event holds that jobs are not given; `null` when it has been forgotten. */
export async function heldPayload(runner: Runner, eventId: string): Promise<HeldPayload | null> {
  const [row] = await runner.run(held, { id: eventId })
  return row ?? null
}

const forget = statement<{ id: string }, unknown>(
  'outbox_forget',
  sql`update outbox set payload = '{}', is_held = false
    where id = ${value('id')}::uuid and is_held`,
)

/** Empties the payload of an event that has been reacted to. A repeat of the reaction then finds none. */
export async function forgetPayload(runner: Runner, eventId: string): Promise<void> {
  await runner.run(forget, { id: eventId })
}
