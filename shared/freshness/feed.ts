/** The feed as it travels: batches of changes in commit order. */
import type { FeedName } from './position.ts'

/** Every entry carries it: changing it drops all of a feed's entries at once. */
export const ANY_TAG = '*'
/** More tags than this in one transaction become the one tag `*`. */
export const FEED_TAGS_MAX = 1_000
/** Changes in one batch; a longer answer is cut and the reader asks again. */
export const FEED_BATCH_MAX = 1_000
/** Changes given to a reader that knows nothing. Entries in a colo are re-stamped to stay within it. */
export const FEED_WINDOW = 200
/** How long an isolate may lean on what it knows before it asks again behind the shopper's back. */
export const FEED_REFRESH_MS = 500
/** The age at which it must ask before it answers. */
export const FEED_STALE_MS_MAX = 2_000
/** Polls that positions force begin at least so far apart in one isolate, however many clients force them. */
export const FORCED_POLL_SPACING_MS = 50

export interface Change {
  readonly n: number
  readonly tags: readonly string[]
}

export interface Incarnation {
  /** Of the numbers: replaced when the past may differ (restart, restore, failover). */
  readonly history: string
  /** Of this cell's copy of the tables. */
  readonly copy: string
}

export interface Batch {
  readonly feed: FeedName
  readonly incarnation: Incarnation
  /** Every change with `from < n <= to` is in it. */
  readonly from: number
  readonly to: number
  readonly changes: readonly Change[]
  /** Changes at or below this are no longer kept. */
  readonly retainedFrom: number
  /** True when the feed holds more beyond `to`. */
  readonly cut: boolean
}

/** What the cell's seal of an answer is bound to: one question of the feed, so that no other answer can stand for it. */
export function answerPlace(question: string): string {
  return `tradewind:feed-answer:${question}`
}

/**
 * Reads a batch off the wire; `null` for one that is malformed, out of order or inconsistent, which must change
 * nothing.
 */
export function parseBatch(value: unknown): Batch | null {
  if (typeof value !== 'object' || value === null) return null
  const batch = value as Batch
  const { incarnation, from, to, changes, retainedFrom } = batch
  const numbers = [from, to, retainedFrom].every((n) => Number.isSafeInteger(n) && n >= 0)
  if (!numbers || from > to || retainedFrom > from || !Array.isArray(changes)) return null
  if (typeof incarnation?.history !== 'string' || typeof incarnation.copy !== 'string') return null
  if (typeof batch.cut !== 'boolean' || (batch.feed !== 'catalogue' && batch.feed !== 'cell')) {
    return null
  }
  // Numbers have no gaps, so a batch that skips one has lost a change.
  if (changes.length !== to - from) return null
  const whole = changes.every(
    (change, index) =>
      change?.n === from + 1 + index &&
      Array.isArray(change.tags) &&
      change.tags.every((tag: unknown) => typeof tag === 'string'),
  )
  return whole ? batch : null
}
