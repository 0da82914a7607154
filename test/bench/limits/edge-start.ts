/**
 * What a fresh isolate costs before it has answered: the CPU time of workerd from its start to the first answer, less
 * what a bare Worker takes likewise. It holds the script's compilation and its run, the feed, the markets and the product.
 */
import { cpuMsOf } from '../cpu-time.ts'
import { shopperRequest, startEdge } from '../edge.ts'
import { exchange } from '../exchange.ts'
import { median } from '../measure.ts'
import { handleOf } from '../shop.ts'
import type { Stage } from '../stage.ts'
import { type RunningWorkerd, startWorkerd } from '../workerd.ts'

const STARTS = 7
const BARE = `export default { fetch() { return new Response('bare') } }`

/** @returns milliseconds, the median of several starts of each in turns. */
export async function edgeStart(stage: Stage): Promise<number> {
  const request = shopperRequest(`/v1/products/${handleOf(3)}`)
  const differences: number[] = []
  for (let turn = 0; turn < STARTS; turn += 1) {
    const bare = await startWorkerd({ folder: stage.folder, name: 'edge-start-bare', source: BARE })
    const floorMs = await cpuToFirstAnswer(bare, request)
    const edge = await startEdge(stage, { name: 'edge-start' })
    differences.push((await cpuToFirstAnswer(edge, request)) - floorMs)
  }
  return median(differences)
}

async function cpuToFirstAnswer(worker: RunningWorkerd, request: Buffer): Promise<number> {
  try {
    const { status, body } = await exchange(worker.port, request)
    if (status !== 200) throw new Error(`the first answer is ${status}: ${body}`)
    return cpuMsOf(worker.pid)
  } finally {
    await worker.stop()
  }
}
