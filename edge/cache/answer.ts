/** What a shopper gets from a cached read: bytes, validators, and where they came from. */
import type { Served } from '../../shared/freshness/cached-reads.ts'
import type { Entry } from '../../shared/freshness/entry.ts'
import { formatPosition, type Position } from '../../shared/freshness/position.ts'
import { HEADERS } from '../../shared/headers.ts'
import { FIXED_HEADERS } from '../secured.ts'

type ServedEntry = Extract<Served, { kind: 'entry' }>

const positionTexts = new WeakMap<Position, string>()

/**
 * The headers of an edge's answers: one `Headers`, into which each answer writes what it has of its own.
 *
 * A response copies the headers it is made with, and workerd copies a `Headers` in a fraction of the time in which it
 * reads a record. So what `of` returns holds until it is called again: make the response of it at once.
 */
export class AnswerHeaders {
  readonly #headers: Headers
  readonly #written = new Map<string, string | null>()

  /** @param cell the one that this edge reads from. */
  constructor(cell: string) {
    this.#headers = new Headers({
      ...FIXED_HEADERS,
      // Browsers may keep an answer but must ask, and a strong ETag makes asking cheap.
      'cache-control': 'no-cache',
      vary: 'accept-language, authorization',
      [HEADERS.cell]: cell,
    })
  }

  of(served: ServedEntry, own: { requestId: string; tookMs: number }): Headers {
    const { entry, position } = served
    this.#write('content-type', entry.contentType)
    this.#write('etag', entry.etag)
    this.#write(HEADERS.position, positionText(position))
    this.#write(HEADERS.cacheStatus, cacheStatus(served))
    this.#write('server-timing', `edge;dur=${own.tookMs}`)
    this.#write(HEADERS.requestId, own.requestId)
    return this.#headers
  }

  /** Only what differs from the answer before: each write crosses into the runtime. */
  #write(name: string, value: string | null): void {
    if (this.#written.get(name) === value) return
    this.#written.set(name, value)
    if (value === null) this.#headers.delete(name)
    else this.#headers.set(name, value)
  }
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
