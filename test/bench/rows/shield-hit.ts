/** A signed read that the cell's shield answers from memory, against a bare server that returns the same. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { KEEP_ALIVE_MS } from '../../../regional/start-cell.ts'
import { HEADERS } from '../../../shared/headers.ts'
import { start } from '../child.ts'
import { assertSame, exchange, ownHeaders } from '../exchange.ts'
import type { BytesExhibit } from '../floors/bytes-server.ts'
import { loadFor } from '../load.ts'
import type { Contest, Plan, Sample } from '../measure.ts'
import { readsOf } from '../shield-counters.ts'
import { signedRequest } from '../signed-requests.ts'
import type { Stage } from '../stage.ts'

const FLOOR = fileURLToPath(new URL('../floors/bytes-server.ts', import.meta.url))
const CONNECTIONS = 16
/** More than a cell answers in a second from its memory; a nonce is good once, so a turn must not run out of them. */
const SIGNED_PER_SECOND = 50_000

/** @param path the path and query, as the edge writes them. */
export async function shieldHit(stage: Stage, plan: Plan, path: string): Promise<Contest> {
  await stage.clone('shield_hit')
  const cell = await stage.startCell('shield_hit')
  const headers: Record<string, string> = {}
  const request = () =>
    signedRequest({ method: 'GET', path, host: `127.0.0.1:${cell.port}`, headers })
  // An edge names the least state it accepts, with every read.
  headers[HEADERS.minimum] = (await exchange(cell.port, request())).headers[HEADERS.stamp]!
  const answer = await exchange(cell.port, request())
  const file = join(stage.folder, 'shield-hit.json')
  const exhibit: BytesExhibit = {
    keepAliveMs: KEEP_ALIVE_MS,
    body: answer.body,
    headers: ownHeaders(answer),
  }
  writeFileSync(file, JSON.stringify(exhibit))
  const floor = await start([process.execPath, FLOOR, file], /listening on (\d+)/)
  const floorPort = Number(floor.captured)
  assertSame(await exchange(floorPort, request()), await exchange(cell.port, request()))
  const before = await readsOf(cell.port)
  let signed: Buffer[] = []
  const loaded = (port: number): Promise<Sample> =>
    loadFor({ port, connections: CONNECTIONS, requests: signed }, plan.secondsPerTurn)
  return {
    // Signed once a turn: the floor takes no notice of nonces.
    floor: () => {
      const length = Math.ceil(plan.secondsPerTurn * SIGNED_PER_SECOND)
      signed = Array.from({ length }, request)
      return loaded(floorPort)
    },
    ours: () => loaded(cell.port),
    notes: { bytes: Buffer.byteLength(answer.body) },
    verify: async () => {
      const { fills } = await readsOf(cell.port)
      if (fills > before.fills) throw new Error(`the shield asked ${fills - before.fills} times`)
    },
    close: async () => {
      await floor.stop()
      await cell.stop()
    },
  }
}
