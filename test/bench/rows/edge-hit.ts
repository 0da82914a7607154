/** A cached product through the whole pipeline of the edge, against a bare Worker that returns the same. */
import { accessToken } from '../../support/keys.ts'
import { assertStill, bareWorker, firstAnswer, shopperRequest, startEdge } from '../edge.ts'
import { assertSame, exchange } from '../exchange.ts'
import { loadFor } from '../load.ts'
import type { Contest, Plan, Sample } from '../measure.ts'
import type { Stage } from '../stage.ts'
import { startWorkerd } from '../workerd.ts'

const CONNECTIONS = 32
const HIT = 'tradewind; hit; detail=memory'

/** @param authorization what the caller shows; a guest shows nothing. */
export async function edgeHit(
  stage: Stage,
  plan: Plan,
  read: { name: string; path: string; authorization?: string },
): Promise<Contest> {
  const { name, path, authorization } = read
  const edge = await startEdge(stage, { name })
  const request = shopperRequest(path, authorization === undefined ? {} : { authorization })
  const answer = await firstAnswer(edge.port, request, HIT)
  const source = bareWorker(answer)
  const floor = await startWorkerd({ folder: stage.folder, name: `${name}-floor`, source })
  assertSame(await exchange(floor.port, request), await exchange(edge.port, request))
  const loaded = (port: number): Promise<Sample> =>
    loadFor({ port, connections: CONNECTIONS, requests: [request] }, plan.secondsPerTurn)
  return {
    floor: () => loaded(floor.port),
    ours: () => loaded(edge.port),
    notes: { bytes: Buffer.byteLength(answer.body) },
    verify: async () => {
      await assertStill(edge.port, request, HIT)
      if (authorization !== undefined) await assertRefused(edge.port, path, authorization)
    },
    close: async () => {
      await floor.stop()
      await edge.stop()
    },
  }
}

/** The same with a customer's token, which lives for longer than the turns take. */
export async function edgeHitToken(
  stage: Stage,
  plan: Plan,
  read: { name: string; path: string },
): Promise<Contest> {
  const token = await accessToken({ role: 'customer', sub: 'cus_bench' })
  return await edgeHit(stage, plan, { ...read, authorization: `Bearer ${token}` })
}

/** A token that is looked at is refused for one changed character. */
async function assertRefused(port: number, path: string, authorization: string): Promise<void> {
  const at = authorization.length - 20
  const changed = authorization[at] === 'A' ? 'B' : 'A'
  const forged = authorization.slice(0, at) + changed + authorization.slice(at + 1)
  const { status } = await exchange(port, shopperRequest(path, { authorization: forged }))
  if (status !== 401) throw new Error(`a forged token is answered ${status}`)
}
