/** A product out of the colo's cache through the whole edge, against a Worker with a bare `cache.match`. */
import { ENTRY_FORMAT, toStored } from '../../../shared/freshness/entry.ts'
import { parsePosition } from '../../../shared/freshness/position.ts'
import { HEADERS } from '../../../shared/headers.ts'
import { assertStill, firstAnswer, shopperRequest, startEdge } from '../edge.ts'
import { type Answer, assertSame, exchange, ownHeaders } from '../exchange.ts'
import { loadFor } from '../load.ts'
import type { Contest, Plan, Sample } from '../measure.ts'
import { signedRequest } from '../signed-requests.ts'
import type { Stage } from '../stage.ts'
import { startWorkerd } from '../workerd.ts'

const CONNECTIONS = 32
const STORED_SECONDS = 86_400
const HIT = 'tradewind; hit; detail=colo'

/** @param path the canonical one, which is the key. */
export async function coloHit(stage: Stage, plan: Plan, path: string): Promise<Contest> {
  const entry = 'test/bench/workers/colo-edge.ts'
  const edge = await startEdge(stage, { name: 'colo-hit', entry })
  const request = shopperRequest(path)
  const answer = await firstAnswer(edge.port, request, HIT)
  const floor = await startWorkerd({
    folder: stage.folder,
    name: 'colo-hit-floor',
    source: bareMatch(path, answer, await storedHeaders(stage, path, answer)),
  })
  await exchange(floor.port, request)
  assertSame(await exchange(floor.port, request), await exchange(edge.port, request))
  const loaded = (port: number): Promise<Sample> =>
    loadFor({ port, connections: CONNECTIONS, requests: [request] }, plan.secondsPerTurn)
  return {
    floor: () => loaded(floor.port),
    ours: () => loaded(edge.port),
    notes: { bytes: Buffer.byteLength(answer.body) },
    verify: () => assertStill(edge.port, request, HIT),
    close: async () => {
      await floor.stop()
      await edge.stop()
    },
  }
}

/** What the edge keeps beside the body: a cache takes longer for more headers, on either side. */
async function storedHeaders(stage: Stage, path: string, { body, headers }: Answer) {
  const { port } = await stage.cellOfEdges()
  const host = `127.0.0.1:${port}`
  const answer = await exchange(port, signedRequest({ method: 'GET', path, host, headers: {} }))
  const { n, history } = parsePosition(answer.headers[HEADERS.stamp], 'catalogue')!
  const stored = toStored(
    {
      status: 200,
      body: new TextEncoder().encode(body),
      contentType: headers['content-type']!,
      etag: headers.etag!,
      tags: answer.headers[HEADERS.tags]!.split(' '),
      history,
      stamp: n,
      untilMs: Number.POSITIVE_INFINITY,
    },
    { seconds: STORED_SECONDS, nowMs: 0 },
  )
  return Object.fromEntries(stored!.headers)
}

/** Its first request puts into the cache what the edge would; every other one returns the body as it comes out. */
function bareMatch(path: string, answer: Answer, stored: Record<string, string>): string {
  return `
const address = ${JSON.stringify(`https://cache.tradewind/${ENTRY_FORMAT}/production${path}`)}
const headers = new Headers(${JSON.stringify(ownHeaders(answer))})

export default {
  async fetch() {
    const stored = await caches.default.match(address)
    if (stored !== undefined) return new Response(stored.body, { status: 200, headers })
    const kept = { headers: ${JSON.stringify(stored)} }
    await caches.default.put(address, new Response(${JSON.stringify(answer.body)}, kept))
    return new Response('kept')
  },
}
`
}
