/** The cell's side of the feed: stamps for reads, batches for readers, and the history's renewal. */
import { sql } from 'drizzle-orm'
import { type Batch, FEED_BATCH_MAX, FEED_WINDOW } from '../../shared/freshness/feed.ts'
import type { FeedSource } from '../../shared/freshness/follower.ts'
import type { FeedName, Position } from '../../shared/freshness/position.ts'
import { ACCESS_TOKEN_SECONDS_MAX } from '../../shared/principal.ts'
import type { Waits } from './connections.ts'
import type { Database, Runner } from './database.ts'
import { statement, value } from './statement.ts'

/** How many of the newest changes are kept; a reader that knows less than the oldest of them starts anew. */
export const FEED_RETAINED_CHANGES = 100_000

/**
 * What a reader of the `cell` feed that knows nothing is given: more than the life of a token, so that it can judge all
 * that are about, and the longest a transaction may take.
 */
export const CELL_WINDOW_SECONDS = ACCESS_TOKEN_SECONDS_MAX + 120

/** What a cacheable read selects beside its document, in the same statement: `from feed_clock clock`. */
export const stampColumns = sql`clock.n, clock.history,
  clock.origin_started_at = pg_postmaster_start_time() as current`

export interface StampRow {
  n: number
  history: string
  /** False when Postgres was started since: the read must renew the history and run again. */
  current: boolean
}

/** The clock alone. */
export const selectStamp = statement<Record<string, never>, StampRow>(
  'feed_stamp',
  sql`select ${stampColumns} from feed_clock clock where clock.feed = 'catalogue'`,
)

/** The clock alone, for an answer whose content is decided without a row. */
export async function currentStamp(db: Database): Promise<Position> {
  return await stamped(db, async () => (await db.run(selectStamp, {}))[0]!)
}

/**
 * Runs a read that selects its stamp, again if the history had to be renewed first.
 *
 * @param read one statement whose row holds `stampColumns`.
 */
export async function stamped<Row extends StampRow>(
  db: Database,
  read: () => Promise<Row>,
): Promise<Row> {
  const row = await read()
  if (row.current) return row
  await renewHistory(db)
  return await read()
}

const renew = statement<Record<string, never>, unknown>(
  'feed_renew_history',
  sql`update feed_clock
    set history = 'h' || left(replace(gen_random_uuid()::text, '-', ''), 12),
      origin_started_at = pg_postmaster_start_time()
    where origin_started_at <> pg_postmaster_start_time()`,
)

/** Replaces the history of every feed if Postgres was started since it began. Idempotent; call it at start too. */
export async function renewHistory(runner: Runner): Promise<void> {
  await runner.run(renew, {})
}

interface BatchRow extends StampRow {
  copy: string
  from: number
  retainedFrom: number
  changes: { n: number; tags: string[] }[] | null
}

/** One statement, so that the clock and the changes are of one snapshot. */
const selectBatch = statement<
  { feed: string; from: number | null; limit: number; window: number; seconds: number | null },
  BatchRow
>(
  'feed_batch',
  sql`
  with clock as (
    select feed, n, history, origin_started_at from feed_clock where feed = ${value('feed')}
  ),
  kept as (
    select coalesce(min(n) - 1, (select n from clock)) as "retainedFrom"
    from feed_change where feed = ${value('feed')}
  ),
  window_start as (
    select case
      when ${value('from')}::bigint between kept."retainedFrom" and clock.n then ${value('from')}::bigint
      else greatest(kept."retainedFrom", clock.n - ${value('window')}::bigint,
        case when ${value('seconds')}::int is null then 0 else coalesce(
          (select min(recent.n) - 1 from feed_change recent
            where recent.feed = clock.feed and recent.n > clock.n - ${value('window')}::bigint
              and recent.at > now() - make_interval(secs => ${value('seconds')}::int)),
          clock.n) end)
    end as "from", kept."retainedFrom"
    from clock, kept
  )
  select ${stampColumns}, feed_copy.copy, window_start."from", window_start."retainedFrom",
    (select json_agg(json_build_object('n', change.n, 'tags', change.tags) order by change.n)
      from feed_change change
      where change.feed = clock.feed and change.n > window_start."from"
        and change.n <= window_start."from" + ${value('limit')}::bigint) as changes
  from clock, feed_copy, window_start`,
)

/**
 * The changes after `from`, at most `FEED_BATCH_MAX` of them. Without a `from` that is still kept and not in the
 * future, the newest `FEED_WINDOW`; of the `cell` feed those of `CELL_WINDOW_SECONDS`.
 */
export async function batchAfter(
  db: Database,
  request: { feed: FeedName; from: number | null; limit?: number },
): Promise<Batch> {
  const { feed, from, limit = FEED_BATCH_MAX } = request
  const isCell = feed === 'cell'
  const window = isCell ? limit : Math.min(limit, FEED_WINDOW)
  const values = { feed, from, limit, window, seconds: isCell ? CELL_WINDOW_SECONDS : null }
  const row = await stamped(db, async () => (await db.run(selectBatch, values))[0]!)
  const changes = row.changes ?? []
  const to = changes.at(-1)?.n ?? row.from
  return {
    feed,
    incarnation: { history: row.history, copy: row.copy },
    from: row.from,
    to,
    changes,
    retainedFrom: row.retainedFrom,
    cut: to < row.n,
  }
}

/** An edge gives up on the feed after two seconds, and asks again. */
export const FEED_WAITS: Waits = {
  statementMsMax: 2_000,
  lockMsMax: 2_000,
  idleInTransactionMsMax: 2_000,
  silenceMs: 1_000,
}

/** The feed as the cell itself follows it: nothing is shared, every question goes to the primary. */
export function primaryFeed(db: Database, feed: FeedName = 'catalogue'): FeedSource {
  const direct = (from: number | null) => batchAfter(db, { feed, from })
  return {
    direct,
    shared: async (known) => {
      const askedAtMs = performance.now()
      return { batch: await direct(known), ageMs: performance.now() - askedAtMs }
    },
  }
}

const prune = statement<{ keep: number }, unknown>(
  'feed_prune',
  sql`delete from feed_change change using feed_clock clock
    where clock.feed = change.feed and change.n <= clock.n - ${value('keep')}::bigint`,
)

export async function pruneFeed(runner: Runner): Promise<void> {
  await runner.run(prune, { keep: FEED_RETAINED_CHANGES })
}
