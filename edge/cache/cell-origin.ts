/** The cell as the tier below the edge's caches. */
import type { Fetched, Origin } from '../../shared/freshness/cached-reads.ts'
import { entryFromCell } from '../../shared/freshness/entry.ts'
import { formatPosition } from '../../shared/freshness/position.ts'
import { HEADERS } from '../../shared/headers.ts'
import type { Cell } from '../config.ts'
import { fetchSigned } from '../forward/fetch-signed.ts'

const READ_TIMEOUT_MS = 5_000

export function cellOrigin(cell: Cell): Origin {
  return {
    fetch: async ({ key, minimum, stale }): Promise<Fetched> => {
      const headers = new Headers()
      if (minimum !== null) headers.set(HEADERS.minimum, formatPosition('catalogue', minimum))
      if (stale?.etag) headers.set('if-none-match', stale.etag)
      const atMs = Date.now()
      const response = await fetchSigned(cell, {
        method: 'GET',
        path: key,
        headers,
        timeoutMs: READ_TIMEOUT_MS,
      })
      const entry = await entryFromCell(response, { atMs, renewed: stale })
      if (entry !== null) {
        const shielded = response.headers.get(HEADERS.cacheStatus)?.includes('; hit') ?? false
        return { kind: 'entry', entry, renewed: response.status === 304, shielded }
      }
      // A refusal of the request itself (400) goes to the caller; a fault of the cell is as good as its absence.
      if (response.status >= 400 && response.status < 500 && response.status !== 401) {
        return { kind: 'response', response: new Response(await response.text(), response) }
      }
      throw new Error(`the cell answered ${response.status}`)
    },
  }
}
