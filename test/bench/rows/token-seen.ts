/** A cached product for callers whose tokens were verified before, against the same edge that takes them on trust. */
import { accessToken } from '../../support/keys.ts'
import { assertStill, firstAnswer, shopperRequest, startEdge } from '../edge.ts'
import { assertSame, exchange } from '../exchange.ts'
import { loadFor } from '../load.ts'
import type { Contest, Plan, Sample } from '../measure.ts'
import type { Stage } from '../stage.ts'
import { positionNow } from '../token-position.ts'

const CONNECTIONS = 32
const HIT = 'tradewind; hit; detail=memory'
/** Callers who come in turns: as many as an isolate may remember would be no different. */
const CALLERS = 500

export async function tokenSeen(stage: Stage, plan: Plan, path: string): Promise<Contest> {
  const ours = await startEdge(stage, { name: 'token-seen' })
  const entry = 'test/bench/workers/trusting-edge.ts'
  const floor = await startEdge(stage, { name: 'token-seen-floor', entry })
  const position = await positionNow(stage)
  const tokens = await Promise.all(
    Array.from({ length: CALLERS }, (_, caller) =>
      accessToken({ role: 'customer', sub: `cus_bench_${caller}`, claims: { position } }),
    ),
  )
  const requests = tokens.map((token) => shopperRequest(path, { authorization: `Bearer ${token}` }))
  for (const { port } of [floor, ours]) {
    await firstAnswer(port, requests[0]!, HIT)
    for (const request of requests) await assertStill(port, request, HIT)
  }
  assertSame(await exchange(floor.port, requests[0]!), await exchange(ours.port, requests[0]!))
  const loaded = (port: number): Promise<Sample> =>
    loadFor({ port, connections: CONNECTIONS, requests }, plan.secondsPerTurn)
  return {
    floor: () => loaded(floor.port),
    ours: () => loaded(ours.port),
    notes: { callers: CALLERS },
    verify: async () => {
      for (const { port } of [floor, ours]) await assertStill(port, requests[0]!, HIT)
    },
    close: async () => {
      await floor.stop()
      await ours.stop()
    },
  }
}
