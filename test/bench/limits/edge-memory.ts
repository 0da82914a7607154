/**
 * What an isolate holds when its memory is full: V8's heap, what C++ keeps for it, and the buffers of the bodies, which
 * lie outside of the heap, after a collection.
 */
import WebSocket from 'ws'
import { freePort } from '../../../scripts/support/ports.ts'
import { shopperRequest, startEdge } from '../edge.ts'
import { exchange } from '../exchange.ts'
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

interface HeapUsage {
  usedSize: number
  embedderHeapUsedSize: number
  backingStorageSize: number
}

async function heapBytesOf(inspectorPort: number): Promise<number> {
  const listed = await fetch(`http://127.0.0.1:${inspectorPort}/json`)
  const targets = (await listed.json()) as { webSocketDebuggerUrl: string }[]
  const url = targets
    .map((each) => each.webSocketDebuggerUrl)
    .find((each) => /\/worker$/.test(each))
  if (url === undefined) throw new Error('the inspector does not show the Worker')
  const socket = new WebSocket(url)
  try {
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const usage = (await asked(socket, 'Runtime.getHeapUsage')) as HeapUsage
    return usage.usedSize + usage.embedderHeapUsedSize + usage.backingStorageSize
  } finally {
    socket.close()
  }
}

let questions = 0

/** One command of the inspector's protocol. */
function asked(socket: WebSocket, method: string): Promise<unknown> {
  questions += 1
  const id = questions
  return new Promise((resolve, reject) => {
    socket.on('message', (data) => {
      const answer = JSON.parse(String(data)) as { id?: number; result?: unknown }
      if (answer.id === id) resolve(answer.result)
    })
    socket.once('close', () => reject(new Error(`the inspector did not answer ${method}`)))
    socket.send(JSON.stringify({ id, method }))
  })
}
