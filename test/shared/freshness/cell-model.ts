/** The tier below and the colo, in memory: stand-ins for the network, with a feed model as their clock. */
import type { ColoTier, Fetched, Origin } from '../../../shared/freshness/cached-reads.ts'
import { type Entry, fromStored, toStored } from '../../../shared/freshness/entry.ts'
import type { FeedModel } from './feed-model.ts'

export interface Document {
  readonly text: string
  readonly tags: readonly string[]
  readonly status?: 200 | 404
}

type Asked = Parameters<Origin['fetch']>[0]

interface HeldRead {
  readonly asked: Asked
  answer(): void
  fail(): void
}

/** A cell that answers with a document and the clock as they are when it is asked. */
export class CellModel implements Origin {
  readonly documents = new Map<string, Document>()
  readonly asked: Asked[] = []
  readonly held: HeldRead[] = []
  isDown = false
  isHolding = false
  readonly #feed: FeedModel

  constructor(feed: FeedModel) {
    this.#feed = feed
  }

  /** Writes a document in one transaction with its tick. */
  write(key: string, document: Document, ...tags: string[]) {
    this.documents.set(key, document)
    return this.#feed.commit(...(tags.length > 0 ? tags : document.tags))
  }

  fetch(asked: Asked): Promise<Fetched> {
    this.asked.push(asked)
    if (this.isDown) return Promise.reject(new Error('the cell is down'))
    const fetched = this.#answer(asked)
    if (!this.isHolding) return Promise.resolve(fetched)
    return new Promise((resolve, reject) => {
      this.held.push({
        asked,
        answer: () => resolve(fetched),
        fail: () => reject(new Error('the cell was cut off')),
      })
    })
  }

  #answer({ key, stale }: Asked): Fetched {
    const document = this.documents.get(key)
    if (document === undefined) {
      return { kind: 'response', response: new Response('invalid', { status: 400 }) }
    }
    const { n: stamp, history } = this.#feed.position
    const { text, tags, status = 200 } = document
    const etag = status === 200 ? `"${text}"` : null
    if (etag !== null && stale?.etag === etag) {
      return {
        kind: 'entry',
        entry: { ...stale, tags, history, stamp },
        renewed: true,
        shielded: false,
      }
    }
    return {
      kind: 'entry',
      entry: entryOf(document, { stamp, history }),
      renewed: false,
      shielded: false,
    }
  }
}

export function entryOf(document: Document, at: { stamp: number; history: string }): Entry {
  const { text, tags, status = 200 } = document
  return {
    status,
    body: new TextEncoder().encode(text),
    contentType: 'application/json',
    etag: status === 200 ? `"${text}"` : null,
    tags,
    untilMs: Number.POSITIVE_INFINITY,
    ...at,
  }
}

export function textOf(entry: Entry): string {
  return new TextDecoder().decode(entry.body)
}

/** A colo that keeps what it is given in the form in which a cache holds it. */
export class ColoModel implements ColoTier {
  readonly stored = new Map<string, Response>()
  writes = 0

  async get(key: string): Promise<Entry | null> {
    const stored = this.stored.get(key)
    if (stored === undefined) return null
    const body = new Uint8Array(await stored.clone().arrayBuffer())
    return fromStored({ headers: stored.headers, body }, 0)
  }

  async set(key: string, entry: Entry, seconds: number): Promise<void> {
    this.writes += 1
    this.stored.set(key, toStored(entry, { seconds, nowMs: 0 })!)
  }
}
