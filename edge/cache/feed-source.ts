/** The feed from the cell, with one answer shared by the isolates of a colo. */
import { type Batch, parseBatch } from '../../shared/freshness/feed.ts'
import type { FeedSource } from '../../shared/freshness/follower.ts'
import { HEADERS } from '../../shared/headers.ts'
import type { Cell } from '../config.ts'
import { fetchSigned } from '../forward/fetch-signed.ts'

const FEED_TIMEOUT_MS = 2_000
/** The finest life the Cache API knows. */
const SHARED_SECONDS = 1
/** How many changes behind the filler a neighbour may be and still use its copy. */
const SHARED_REACH = 50
/** How long the filler's own request took, so that a reader can bound the age of the statement behind it. */
const TOOK_HEADER = 'tradewind-took-ms'
const COPY_HEADER = 'tradewind-copy'

export function cellFeed(cell: Cell, cache: Cache, environment: string): FeedSource {
  const address = `https://cache.tradewind/feed/1/${environment}/${cell.name}/catalogue`
  /** The copy seen last, and how old it could be at first sight. A cache may keep one longer than it was told. */
  let seen: { copy: string; atMs: number; ageMs: number } | null = null

  async function ask(from: number | null): Promise<Batch> {
    const path = `/internal/feed?feed=catalogue${from === null ? '' : `&from=${from}`}`
    const question = crypto.randomUUID()
    const response = await fetchSigned(cell, {
      method: 'GET',
      path,
      headers: new Headers({ [HEADERS.question]: question }),
      timeoutMs: FEED_TIMEOUT_MS,
    })
    const answered = response.headers.get(HEADERS.question)
    // An earlier answer would vouch for knowledge that is as old as it is.
    if (answered !== null && answered !== question) throw new Error('an answer to another question')
    const batch = response.ok ? parseBatch(await response.json()) : null
    if (batch?.feed !== 'catalogue') throw new Error('the cell answered with no usable batch')
    return batch
  }

  async function share(copy: string, batch: Batch, tookMs: number): Promise<void> {
    const headers = {
      'cache-control': `public, max-age=${SHARED_SECONDS}`,
      [TOOK_HEADER]: String(tookMs),
      [COPY_HEADER]: copy,
    }
    await cache.put(address, Response.json(batch, { headers })).catch(() => undefined)
  }

  return {
    direct: ask,
    shared: async (known) => {
      const stored = await cache.match(address).catch(() => undefined)
      const batch = stored === undefined ? null : parseBatch(await stored.json().catch(() => null))
      if (stored !== undefined && batch !== null) {
        const copy = stored.headers.get(COPY_HEADER) ?? ''
        const tookMs = Number(stored.headers.get(TOOK_HEADER) ?? FEED_TIMEOUT_MS)
        if (seen?.copy !== copy) {
          seen = { copy, atMs: Date.now(), ageMs: tookMs + SHARED_SECONDS * 1_000 }
        }
        return { batch, ageMs: seen.ageMs + Date.now() - seen.atMs }
      }
      const startedAtMs = Date.now()
      const filled = await ask(known === null ? null : Math.max(0, known - SHARED_REACH))
      const filledAtMs = Date.now()
      const ageMs = Math.max(filledAtMs - startedAtMs, 0)
      const copy = crypto.randomUUID()
      seen = { copy, atMs: filledAtMs, ageMs }
      await share(copy, filled, ageMs)
      return { batch: filled, ageMs: ageMs + Date.now() - filledAtMs }
    },
  }
}
