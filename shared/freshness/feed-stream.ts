/**
 * The feed on its way through a Redis stream: what a cell's relay leaves there, and how a reader joins it.
 *
 * A record of the stream is one batch. The beat stands beside the stream: it says how far the cell's feed had come when
 * the relay looked last, and it lives for `BEAT_LIFE_MS` from a moment before that look, by Redis's own clock. So the
 * life it has left tells its age, and no two machines' clocks are compared.
 */
import { type Batch, FEED_WINDOW, type Incarnation, parseBatch } from './feed.ts'

/** How often the relay looks at the cell's feed. */
export const FEED_RELAY_MS = 250
/** How long a beat outlives the look behind it. Readers stop trusting it long before. */
export const BEAT_LIFE_MS = 60_000
/** Records kept in the stream. The newest alone serves a reader who is less than `FEED_WINDOW` changes behind. */
export const STREAM_RECORDS_MAX = 100
/** The field of a stream's entry that holds the record. */
export const RECORD_FIELD = 'record'
/** Redis providers bound a request, and a reader its memory. A longer batch loses its oldest changes. */
export const RECORD_CHARACTERS_MAX = 512 * 1_024

export interface Beat {
  /** The process that wrote it. */
  readonly relay: string
  readonly incarnation: Incarnation
  /** The newest change there was. */
  readonly n: number
  /** Redis's time before the look. It tells one beat from the next; an age is never computed from it. */
  readonly lookedAtMs: number
}

/** Where a cell's catalogue feed lies in Redis. The format's version is part of it: old and new releases meet there. */
export function streamKeys(cell: string): { changes: string; beat: string } {
  const prefix = `tradewind:1:${cell}:catalogue`
  return { changes: `${prefix}:changes`, beat: `${prefix}:beat` }
}

/**
 * A batch as a record: at least the newest `FEED_WINDOW` changes it holds, and all after `since`, as far as they fit.
 *
 * Records overlap, so that the newest one is all that most readers need.
 */
export function formatRecord(batch: Batch, since: number): string {
  let kept = batchSince(batch, Math.max(0, Math.min(since, batch.to - FEED_WINDOW)))
  let text = JSON.stringify(kept)
  while (text.length > RECORD_CHARACTERS_MAX && kept.changes.length > 0) {
    kept = batchSince(kept, kept.from + Math.ceil(kept.changes.length / 2))
    text = JSON.stringify(kept)
  }
  return text
}

/** `null` for what is not a batch of the catalogue's feed. */
export function parseRecord(text: string): Batch | null {
  const batch = parseBatch(parseJson(text))
  return batch?.feed === 'catalogue' ? batch : null
}

export function parseBeat(text: string): Beat | null {
  const beat = parseJson(text) as Beat | null
  const isWhole =
    typeof beat?.relay === 'string' &&
    typeof beat.incarnation?.history === 'string' &&
    typeof beat.incarnation.copy === 'string' &&
    [beat.n, beat.lookedAtMs].every((each) => Number.isSafeInteger(each) && each >= 0)
  return isWhole ? beat : null
}

/** The token goes with every request, so only this machine's own Redis may be asked in the clear. */
export function isSafeRedisUrl(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  if (protocol === 'https:') return true
  return protocol === 'http:' && (hostname === '127.0.0.1' || hostname === 'localhost')
}

/** The same batch for a reader who knows everything up to `from` already. */
export function batchSince(batch: Batch, from: number): Batch {
  if (from <= batch.from) return batch
  const start = Math.min(from, batch.to)
  return { ...batch, from: start, changes: batch.changes.slice(start - batch.from) }
}

export interface Joined {
  readonly batch: Batch
  /** How many of the newest records were needed. */
  readonly recordsUsed: number
}

/**
 * One batch out of records that overlap or touch, from at most `known` up to at least the beat.
 *
 * Records of another incarnation, and those beyond a gap, are left out.
 *
 * @param records newest first, as a stream is read backwards; but any order is put right.
 * @param known the newest change that the reader knows; `null` when it knows nothing and takes what there is.
 * @returns `null` when something between `known` and the beat is missing, or the reader knows more than is here.
 */
export function joinRecords(
  records: readonly Batch[],
  beat: Pick<Beat, 'incarnation' | 'n'>,
  known: number | null,
): Joined | null {
  const { history, copy } = beat.incarnation
  const ours = records
    .filter(({ incarnation: of }) => of.history === history && of.copy === copy)
    .sort((one, other) => other.to - one.to)
  const newest = ours[0]
  if (newest === undefined || newest.to < Math.max(beat.n, known ?? 0)) return null
  const goal = known ?? newest.from
  let { from, changes } = newest
  let recordsUsed = 1
  for (const older of ours.slice(1)) {
    if (from <= goal || older.to < from) break
    recordsUsed += 1
    if (older.from >= from) continue
    changes = [...older.changes.slice(0, from - older.from), ...changes]
    from = older.from
  }
  if (from > goal) return null
  const retainedFrom = Math.min(newest.retainedFrom, from)
  return { batch: { ...newest, from, changes, retainedFrom, cut: false }, recordsUsed }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
