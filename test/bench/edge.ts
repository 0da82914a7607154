/** The edge as the bench starts it, what it is asked, and the bare Worker that answers the same. */
import { HEADERS } from '../../shared/headers.ts'
import { edgeSecret } from '../support/keys.ts'
import { type Answer, exchange, ownHeaders } from './exchange.ts'
import { requestBytes } from './signed-requests.ts'
import type { RunningCell, Stage } from './stage.ts'
import { bundledEdge, CF_HEADER, type RunningWorkerd, startWorkerd } from './workerd.ts'

/** The first requests fill the caches, and learn the feed and the markets. */
const WARMING_MAX = 50

/** Starts an edge in workerd before the edges' own cell, or another. */
export async function startEdge(
  stage: Stage,
  edge: { name: string; entry?: string; inspectorPort?: number; cell?: RunningCell },
): Promise<RunningWorkerd> {
  const { name, entry, cell = await stage.cellOfEdges(), ...rest } = edge
  return await startWorkerd({
    folder: stage.folder,
    name,
    source: bundledEdge(stage.folder, entry),
    bindings: {
      CELLS: JSON.stringify({ eu: { url: `http://127.0.0.1:${cell.port}` } }),
      EDGE_SECRETS: JSON.stringify({ eu: edgeSecret }),
      DEFAULT_CELL: 'eu',
      ENVIRONMENT: 'production',
    },
    ...rest,
  })
}

/** A shopper's request as Cloudflare hands it to a Worker. */
export function shopperRequest(path: string, more: Readonly<Record<string, string>> = {}): Buffer {
  return requestBytes({
    method: 'GET',
    path,
    host: 'api.example.com',
    headers: {
      [CF_HEADER]: JSON.stringify({ country: 'DE' }),
      'cf-connecting-ip': '192.0.2.7',
      'accept-language': 'de-DE,de;q=0.9,en;q=0.5',
      ...more,
    },
  })
}

/** @param status the `Cache-Status` of the answer that is waited for. */
export async function firstAnswer(port: number, request: Buffer, status: string): Promise<Answer> {
  for (let asked = 0; asked < WARMING_MAX; asked += 1) {
    const answer = await exchange(port, request)
    if (answer.headers[HEADERS.cacheStatus] === status) return answer
    if (answer.status !== 200) throw new Error(`the edge answers ${answer.status}: ${answer.body}`)
  }
  throw new Error(`the edge never answers '${status}'`)
}

/** @throws {Error} when the edge answers from elsewhere by now: the turns did not measure what they should. */
export async function assertStill(port: number, request: Buffer, status: string): Promise<void> {
  const found = (await exchange(port, request)).headers[HEADERS.cacheStatus]
  if (found !== status) throw new Error(`the edge answers '${found}' by now, not '${status}'`)
}

/**
 * The same bytes and headers from constants. The headers are a `Headers`, from which workerd makes a response's own
 * faster than from a record: a floor must be the least there is.
 */
export function bareWorker(answer: Answer): string {
  return `
const body = new TextEncoder().encode(${JSON.stringify(answer.body)})
const headers = new Headers(${JSON.stringify(ownHeaders(answer))})

export default {
  fetch() {
    return new Response(body, { status: 200, headers })
  },
}
`
}
