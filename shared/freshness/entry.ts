/** A cached answer, and how it travels in a cache that stores HTTP responses. */
import { HEADERS } from '../headers.ts'
import { formatPosition, parsePosition } from './position.ts'

/** Old and new Workers share a colo: a change of the entry's form changes this, and old entries are passed over. */
export const ENTRY_FORMAT = 3

const TAGS_BYTES_MAX = 16_384

const DESCRIPTION_HEADER = 'tradewind-entry'
/** Kept under a name of its own: a cache may weaken or drop an ETag. */
const ETAG_HEADER = 'tradewind-etag'

/** All headers that are read of a stored entry. */
export const ENTRY_HEADERS = [
  'content-type',
  HEADERS.stamp,
  HEADERS.tags,
  HEADERS.life,
  DESCRIPTION_HEADER,
  ETAG_HEADER,
] as const

/** A stored entry, taken out of a cache. */
export interface StoredEntry {
  readonly headers: Headers
  readonly body: Uint8Array<ArrayBuffer>
}

export interface Entry {
  readonly status: 200 | 404
  readonly body: Uint8Array<ArrayBuffer>
  readonly contentType: string
  /** Strong (RFC 9110 §8.8.1), with its quotes; `null` for a negative answer. */
  readonly etag: string | null
  readonly tags: readonly string[]
  readonly history: string
  /** Raised to what a test has shown the entry to be current with. */
  stamp: number
  /** When it ends by itself, by the clock of whoever holds it; infinite unless a schedule bounds its life. */
  readonly untilMs: number
}

/** What an entry costs to keep: its bytes and an allowance for the objects around them. */
export function bytesOf(entry: Entry): number {
  return entry.body.byteLength + entry.tags.length * 48 + 512
}

/**
 * Reads the cell's answer. `null` when it is not cacheable: another status, no stamp, no tags.
 *
 * @param asked when the cell was asked, by the asker's clock, from which a bounded life counts; and the entry a 304
 *   renews, which must be the one that was asked about.
 */
export async function entryFromCell(
  response: Response,
  asked: { atMs: number; renewed: Entry | null },
): Promise<Entry | null> {
  const { atMs, renewed } = asked
  const position = parsePosition(response.headers.get(HEADERS.stamp), 'catalogue')
  const tags = tagsOf(response.headers)
  const untilMs = lifeEnd(response.headers, atMs)
  if (position === null || tags === null || untilMs === null) return null
  const { n: stamp, history } = position
  const etag = response.headers.get('etag')
  if (response.status === 304) {
    if (renewed === null || etag === null || renewed.etag !== etag) return null
    return { ...renewed, tags, history, stamp, untilMs }
  }
  if (response.status !== 200 && response.status !== 404) return null
  const body = new Uint8Array(await response.arrayBuffer())
  const contentType = response.headers.get('content-type') ?? 'application/json'
  return { status: response.status, body, contentType, etag, tags, history, stamp, untilMs }
}

/**
 * The entry as a response that the Cache API can hold for so long; `null` when its life ends too soon for that.
 *
 * No two machines' clocks are compared: of what is left of a bounded life, the cache may use one half and whoever takes
 * the entry out of it the other.
 */
export function toStored(entry: Entry, keep: { seconds: number; nowMs: number }): Response | null {
  const halfLife = Math.floor((entry.untilMs - keep.nowMs) / 2_000)
  if (halfLife < 1) return null
  const headers = new Headers({
    'content-type': entry.contentType,
    'cache-control': `public, max-age=${Math.min(keep.seconds, halfLife)}`,
    [HEADERS.stamp]: formatPosition('catalogue', { n: entry.stamp, history: entry.history }),
    [HEADERS.tags]: entry.tags.join(' '),
    [DESCRIPTION_HEADER]: `${ENTRY_FORMAT} ${entry.status} ${entry.body.byteLength}`,
  })
  if (entry.etag !== null) headers.set(ETAG_HEADER, entry.etag)
  if (Number.isFinite(halfLife)) headers.set(HEADERS.life, String(halfLife))
  return new Response(entry.body, { headers })
}

/** Reads an entry back; `null` for one of another format, cut short, or not whole in any other way. */
export function fromStored({ headers, body }: StoredEntry, nowMs: number): Entry | null {
  const described = /^(\d+) (200|404) (\d+)$/.exec(headers.get(DESCRIPTION_HEADER) ?? '')
  const position = parsePosition(headers.get(HEADERS.stamp), 'catalogue')
  const tags = tagsOf(headers)
  const untilMs = lifeEnd(headers, nowMs)
  if (described === null || Number(described[1]) !== ENTRY_FORMAT) return null
  if (position === null || tags === null || untilMs === null) return null
  if (body.byteLength !== Number(described[3])) return null
  const status = Number(described[2]) as 200 | 404
  const etag = headers.get(ETAG_HEADER)
  if (status === 200 && etag === null) return null
  const contentType = headers.get('content-type') ?? 'application/json'
  const { n: stamp, history } = position
  return { status, body, contentType, etag, tags, history, stamp, untilMs }
}

/** Infinite without the header; `null` when it is not a number of seconds. */
function lifeEnd(headers: Headers, fromMs: number): number | null {
  const seconds = headers.get(HEADERS.life)
  if (seconds === null) return Number.POSITIVE_INFINITY
  return /^\d{1,9}$/.test(seconds) ? fromMs + Number(seconds) * 1_000 : null
}

function tagsOf(headers: Headers): string[] | null {
  const header = headers.get(HEADERS.tags)
  if (!header || header.length > TAGS_BYTES_MAX) return null
  return header.split(' ')
}
