/**
 * Positions: the newest change of a feed that somebody has seen or made, in one history of it.
 *
 * Written as a structured-field dictionary (RFC 9651 §3.2), `catalogue=812;h=7f3a`. The same form carries a
 * position, a minimum and a stamp.
 */

export const FEEDS = ['catalogue', 'cell'] as const
export type FeedName = (typeof FEEDS)[number]

export interface Position {
  readonly n: number
  readonly history: string
}

/** Longer than any value we write; what is longer is not ours. */
const POSITION_BYTES_MAX = 256
const MEMBER =
  /^(catalogue|cell)=(\d{1,15});h=([A-Za-z*][A-Za-z0-9_*.:/%-]{0,31}|"[A-Za-z0-9-]{1,32}")$/

export function formatPosition(feed: FeedName, position: Position): string {
  return `${feed}=${position.n};h=${position.history}`
}

/**
 * Reads one feed's position out of a header or query parameter.
 *
 * Anything malformed reads as `null`: a position only ever asks for more care, so ignoring it is safe.
 */
export function parsePosition(value: string | null | undefined, feed: FeedName): Position | null {
  if (!value || value.length > POSITION_BYTES_MAX) return null
  let found: Position | null = null
  for (const member of value.split(',')) {
    const read = MEMBER.exec(member.trim())
    if (read === null) return null
    if (read[1] === feed) found = { n: Number(read[2]), history: read[3]!.replaceAll('"', '') }
  }
  return found
}
