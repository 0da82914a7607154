/** A cached answer, and how it travels in a cache that stores HTTP responses. */
import { HEADERS } from '../headers.ts'
import { formatPosition, parsePosition } from './position.ts'

/** Old and new Workers share a colo: a change of the entry's form changes this, and old entries are passed over. */
export const ENTRY_FORMAT = 1

const TAGS_BYTES_MAX = 16_384

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
}

/** What an entry costs to keep: its bytes and an allowance for the objects around them. */
export function bytesOf(entry: Entry): number {
  return entry.body.byteLength + entry.tags.length * 48 + 512
}

/**
 * Reads the cell's answer. `null` when it is not cacheable: another status, no stamp, no tags.
 *
 * @param renewed the entry a 304 renews, which must be the one that was asked about.
 */
export async function entryFromCell(
  response: Response,
  renewed: Entry | null,
): Promise<Entry | null> {
  const position = parsePosition(response.headers.get(HEADERS.stamp), 'catalogue')
  const tags = tagsOf(response)
  if (position === null || tags === null) return null
  const { n: stamp, history } = position
  const etag = response.headers.get('etag')
  if (response.status === 304) {
    if (renewed === null || etag === null || renewed.etag !== etag) return null
    return { ...renewed, tags, history, stamp }
  }
  if (response.status !== 200 && response.status !== 404) return null
  const body = new Uint8Array(await response.arrayBuffer())
  const contentType = response.headers.get('content-type') ?? 'application/json'
  return { status: response.status, body, contentType, etag, tags, history, stamp }
}

/** The entry as a response that the Cache API can hold for so long. */
export function toStored(entry: Entry, seconds: number): Response {
  const headers = new Headers({
    'content-type': entry.contentType,
    'cache-control': `public, max-age=${seconds}`,
    [HEADERS.stamp]: formatPosition('catalogue', { n: entry.stamp, history: entry.history }),
    [HEADERS.tags]: entry.tags.join(' '),
    'tradewind-entry': `${ENTRY_FORMAT} ${entry.status} ${entry.body.byteLength}`,
  })
  // Kept under a name of its own: a cache may weaken or drop an ETag.
  if (entry.etag !== null) headers.set('tradewind-etag', entry.etag)
  return new Response(entry.body, { headers })
}

/** Reads an entry back; `null` for one of another format, cut short, or not whole in any other way. */
export async function fromStored(stored: Response): Promise<Entry | null> {
  const described = /^(\d+) (200|404) (\d+)$/.exec(stored.headers.get('tradewind-entry') ?? '')
  const position = parsePosition(stored.headers.get(HEADERS.stamp), 'catalogue')
  const tags = tagsOf(stored)
  if (described === null || Number(described[1]) !== ENTRY_FORMAT) return null
  if (position === null || tags === null) return null
  const body = new Uint8Array(await stored.arrayBuffer())
  if (body.byteLength !== Number(described[3])) return null
  const status = Number(described[2]) as 200 | 404
  const etag = stored.headers.get('tradewind-etag')
  if (status === 200 && etag === null) return null
  const contentType = stored.headers.get('content-type') ?? 'application/json'
  const { n: stamp, history } = position
  return { status, body, contentType, etag, tags, history, stamp }
}

function tagsOf(response: Response): string[] | null {
  const header = response.headers.get(HEADERS.tags)
  if (!header || header.length > TAGS_BYTES_MAX) return null
  return header.split(' ')
}
