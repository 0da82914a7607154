/**
 * What an isolate holds when its memory is full: V8's heap, what C++ keeps for it, and the buffers of the bodies, which
 * lie outside of the heap, after a collection.
 */
import { freePort } from '../../../scripts/support/ports.ts'
import { shopperRequest, startEdge } from '../edge.ts'
import { exchange } from '../exchange.ts'
import { heapBytesOf } from '../inspector.ts'
import { handleOf, LOCALE, MARKET } from '../shop.ts'
import type { Stage } from '../stage.ts'

const MEBIBYTE = 1_048_576
/** One request may not fill for long, so it is done in parts. */
const COPIES_PER_REQUEST = 1_000
const COPIES_MAX = 100_000
/** Memory is full when this many copies more leave it as large as it was, within an entry. */
const GROWTH_BYTES_MIN = 16_384

export async function edgeMemory(stage: Stage): Promise<number> {
  const inspectorPort = await freePort()
  const entry = 'test/bench/workers/full-edge.ts'
  const edge = await startEdge(stage, { name: 'edge-memory', entry, inspectorPort })
  try {
    const place = `locale=${LOCALE}&market=${MARKET}`
    // Products fill most of the memory; names that nobody has fill the share that is left to them.
    await fill(edge.port, `/v1/products/${handleOf(5)}?${place}`)
    await fill(edge.port, `/v1/products/nobody-has-this?${place}`)
    await exchange(edge.port, shopperRequest('/collect'))
    return (await heapBytesOf(inspectorPort)) / MEBIBYTE
  } finally {
    await edge.stop()
  }
}

/** Reads copies of one answer until memory no longer grows. */
async function fill(port: number, key: string): Promise<void> {
  let before = -1
  for (let from = 0; from < COPIES_MAX; from += COPIES_PER_REQUEST) {
    const query = new URLSearchParams({
      key,
      from: String(from),
      to: String(from + COPIES_PER_REQUEST),
    })
    const { status, body } = await exchange(port, shopperRequest(`/fill?${query}`))
    if (status !== 200) throw new Error(`the edge answers ${status}: ${body}`)
    const { bytes } = JSON.parse(body) as { bytes: number }
    if (bytes - before < GROWTH_BYTES_MIN) return
    before = bytes
  }
  throw new Error('the memory never fills')
}
