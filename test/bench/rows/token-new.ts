/**
 * Tokens that the edge has never seen, against jose's `jwtVerify` alone, with the same keys in the same Worker. Both are
 * counted a second of CPU: it is all that a verification takes.
 */
import { randomBytes } from 'node:crypto'
import { type Forge, forgeOf } from '../../shared/token-forge.ts'
import { accessToken, signingKey } from '../../support/keys.ts'
import { cpuMsOf } from '../cpu-time.ts'
import { startEdge } from '../edge.ts'
import { exchange } from '../exchange.ts'
import { loadOnce } from '../load.ts'
import type { Contest, Plan, Sample } from '../measure.ts'
import { requestBytes } from '../signed-requests.ts'
import type { Stage } from '../stage.ts'
import { positionNow } from '../token-position.ts'

const CONNECTIONS = 4
const TOKENS_PER_REQUEST = 50
const REQUESTS_PER_SECOND = 100

export async function tokenNew(stage: Stage, plan: Plan): Promise<Contest> {
  const entry = 'test/bench/workers/token-edge.ts'
  const worker = await startEdge(stage, { name: 'token-new', entry })
  const position = await positionNow(stage)
  const forge = forgeOf(
    await accessToken({
      role: 'customer',
      group: 'trade',
      sub: newId('cus'),
      claims: { position },
    }),
    signingKey,
  )
  let turnTokens: string[][] = []
  const verifyAll = async (side: '/floor' | '/ours'): Promise<Sample> => {
    const requests = turnTokens.map((tokens) => requestOf(side, tokens))
    const before = cpuMsOf(worker.pid)
    const load = { port: worker.port, connections: CONNECTIONS, requests }
    const { p99Ms } = await loadOnce(load)
    const seconds = (cpuMsOf(worker.pid) - before) / 1e3
    return { perSecond: (requests.length * TOKENS_PER_REQUEST) / seconds, p99Ms }
  }
  await assertRefused(worker.port, forge)
  return {
    // Both sides of a turn verify the same tokens, of which ours has seen none.
    floor: async () => {
      const count = REQUESTS_PER_SECOND * plan.secondsPerTurn
      turnTokens = Array.from({ length: count }, () => newTokens(forge))
      return await verifyAll('/floor')
    },
    ours: () => verifyAll('/ours'),
    notes: { tokensPerRequest: TOKENS_PER_REQUEST, bytes: forge.good.length },
    close: () => worker.stop(),
  }
}

/** As the cell would write them now. Their sessions are nobody's, so that asking the cell for one would fail the turn. */
function newTokens({ signed, header, claims }: Forge): string[] {
  return Array.from({ length: TOKENS_PER_REQUEST }, () => {
    const sub = newId('cus')
    return signed(header, { ...claims, sub, sid: newId('ses') })
  })
}

function newId(kind: string): string {
  return `${kind}_eu_${randomBytes(16).toString('hex')}`
}

function requestOf(side: string, tokens: readonly string[]): Buffer {
  const body = JSON.stringify(tokens.map((token) => `Bearer ${token}`))
  return requestBytes({ method: 'POST', path: side, host: 'bench.test', headers: {}, body })
}

/** Both sides look at what they are shown. */
async function assertRefused(port: number, forge: Forge): Promise<void> {
  const [good] = newTokens(forge)
  const forged = good!.slice(0, -20) + (good!.at(-20) === 'A' ? 'B' : 'A') + good!.slice(-19)
  for (const side of ['/floor', '/ours']) {
    const { status } = await exchange(port, requestOf(side, [good!]))
    if (status !== 200) throw new Error(`${side} answers a good token ${status}`)
    const refusal = await exchange(port, requestOf(side, [forged]))
    if (refusal.status === 200) throw new Error(`${side} lets a forged token in`)
  }
}
