/** What a shopper gets from a cached read: bytes, validators, and where they came from. */
import type { Served } from '../../shared/freshness/cached-reads.ts'
import type { Entry } from '../../shared/freshness/entry.ts'
import { formatPosition, type Position } from '../../shared/freshness/position.ts'
import { FIXED_HEADERS } from '../secured.ts'

type ServedEntry = Extract<Served, { kind: 'entry' }>

/** Headers of an entry that stay the same from answer to answer. */
const fixedHeaders = new WeakMap<Entry, Record<string, string>>()
const positionTexts = new WeakMap<Position, string>()

/**
 * All headers of the answer but those of this one request.
 *
 * Browsers may keep it but must ask (`no-cache`), and a strong ETag makes asking cheap.
 */
export function answerHeaders(served: ServedEntry, cell: string): Record<string, string> {
  return {
    ...fixedOf(served.entry, cell),
    'cache-status': cacheStatus(served),
    'tradewind-position': positionText(served.position),
  }
}

function fixedOf(entry: Entry, cell: string): Record<string, string> {
  const known = fixedHeaders.get(entry)
  if (known !== undefined) return known
  const headers: Record<string, string> = {
    ...FIXED_HEADERS,
    'content-type': entry.contentType,
    'cache-control': 'no-cache',
    vary: 'accept-language, authorization',
    'tradewind-cell': cell,
  }
  if (entry.etag !== null) headers.etag = entry.etag
  fixedHeaders.set(entry, headers)
  return headers
}

function positionText(position: Position): string {
  const known = positionTexts.get(position)
  if (known !== undefined) return known
  const text = formatPosition('catalogue', position)
  positionTexts.set(position, text)
  return text
}

/** RFC 9211. A stale stand-in says both, that it is a hit and why it is not fresh. */
function cacheStatus(served: ServedEntry): string {
  const { from, forward, renewed, shielded, collapsed } = served
  if (from === 'stale') return 'tradewind; hit; fwd=stale'
  if (from !== 'origin') return from === 'memory' ? HIT_MEMORY : HIT_COLO
  const status = renewed ? '; fwd-status=304' : ''
  const how = `${collapsed ? '; collapsed' : ''}${shielded ? '; detail=shield' : ''}`
  return `tradewind; fwd=${forward}${status}; stored${how}`
}

const HIT_MEMORY = 'tradewind; hit; detail=memory'
const HIT_COLO = 'tradewind; hit; detail=colo'

/** True when the caller has these bytes already (`If-None-Match`, RFC 9110 §13.1.2). */
export function isNotModified(entry: Entry, ifNoneMatch: string | null): boolean {
  if (ifNoneMatch === null || entry.etag === null) return false
  if (ifNoneMatch === entry.etag) return true
  return ifNoneMatch
    .split(',')
    .some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === entry.etag)
}
