/** A product out of the colo's cache through the whole edge, against a Worker with a bare `cache.match`. */
import { ENTRY_FORMAT } from '../../../shared/freshness/entry.ts'
import { assertStill, firstAnswer, shopperRequest, startEdge } from '../edge.ts'
import { type Answer, assertSame, exchange, ownHeaders } from '../exchange.ts'
import { loadFor } from '../load.ts'
import type { Contest, Plan, Sample } from '../measure.ts'
import type { Stage } from '../stage.ts'
import { startWorkerd } from '../workerd.ts'

const CONNECTIONS = 32
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
    source: bareMatch(`https://cache.tradewind/${ENTRY_FORMAT}/production${path}`, answer),
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

/** Its first request puts the body into the cache; every other one takes it out and returns it as it comes. */
function bareMatch(address: string, answer: Answer): string {
  return `
const address = ${JSON.stringify(address)}
const headers = new Headers(${JSON.stringify(ownHeaders(answer))})

export default {
  async fetch() {
    const stored = await caches.default.match(address)
    if (stored !== undefined) return new Response(stored.body, { status: 200, headers })
    const kept = { 'content-type': 'application/json', 'cache-control': 'public, max-age=86400' }
    await caches.default.put(address, new Response(${JSON.stringify(answer.body)}, { headers: kept }))
    return new Response('kept')
  },
}
`
}
