/** A cached product through the whole pipeline of the edge, against a bare Worker that returns the same. */
import { HEADERS } from '../../../shared/headers.ts'
import { edgeSecret } from '../../support/keys.ts'
import { type Answer, assertSame, exchange, ownHeaders } from '../exchange.ts'
import { loadFor } from '../load.ts'
import type { Contest, Plan, Sample } from '../measure.ts'
import { requestBytes } from '../signed-requests.ts'
import type { Stage } from '../stage.ts'
import { bundledEdge, CF_HEADER, startWorkerd } from '../workerd.ts'

const CONNECTIONS = 32
const HIT = 'tradewind; hit; detail=memory'
/** The first requests fill memory, and learn the feed and the markets. */
const WARMING_MAX = 50

export async function edgeHit(stage: Stage, plan: Plan, path: string): Promise<Contest> {
  await stage.clone('edge_hit')
  const cell = await stage.startCell('edge_hit')
  const edge = await startWorkerd({
    folder: stage.folder,
    name: 'edge-hit',
    source: bundledEdge(stage.folder),
    bindings: {
      CELLS: JSON.stringify({ eu: { url: `http://127.0.0.1:${cell.port}` } }),
      EDGE_SECRETS: JSON.stringify({ eu: edgeSecret }),
      DEFAULT_CELL: 'eu',
      ENVIRONMENT: 'production',
    },
  })
  const request = requestBytes({
    method: 'GET',
    path,
    host: 'api.example.com',
    headers: {
      [CF_HEADER]: JSON.stringify({ country: 'DE' }),
      'cf-connecting-ip': '192.0.2.7',
      'accept-language': 'de-DE,de;q=0.9,en;q=0.5',
    },
  })
  const answer = await firstHit(edge.port, request)
  const floor = await startWorkerd({
    folder: stage.folder,
    name: 'edge-hit-floor',
    source: bareWorker(answer),
  })
  assertSame(await exchange(floor.port, request), await exchange(edge.port, request))
  const loaded = (port: number): Promise<Sample> =>
    loadFor({ port, connections: CONNECTIONS, requests: [request] }, plan.secondsPerTurn)
  return {
    floor: () => loaded(floor.port),
    ours: () => loaded(edge.port),
    notes: { bytes: Buffer.byteLength(answer.body) },
    verify: async () => {
      const { headers } = await exchange(edge.port, request)
      if (headers[HEADERS.cacheStatus] !== HIT) throw new Error('the edge fell out of its memory')
    },
    close: async () => {
      await floor.stop()
      await edge.stop()
      await cell.stop()
    },
  }
}

async function firstHit(port: number, request: Buffer): Promise<Answer> {
  for (let asked = 0; asked < WARMING_MAX; asked += 1) {
    const answer = await exchange(port, request)
    if (answer.headers[HEADERS.cacheStatus] === HIT) return answer
    if (answer.status !== 200) throw new Error(`the edge answers ${answer.status}: ${answer.body}`)
  }
  throw new Error('the edge never answers from its memory')
}

/** The same bytes and headers from constants. */
function bareWorker(answer: Answer): string {
  return `
const body = new TextEncoder().encode(${JSON.stringify(answer.body)})
const headers = ${JSON.stringify(ownHeaders(answer))}

export default {
  fetch() {
    return new Response(body, { status: 200, headers })
  },
}
`
}
