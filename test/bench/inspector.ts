/** What workerd's inspector says of a Worker. */
import WebSocket from 'ws'

interface HeapUsage {
  usedSize: number
  embedderHeapUsedSize: number
  backingStorageSize: number
}

/** V8's heap, what C++ keeps for it, and buffers outside of it, of the Worker that `startWorkerd` inspects. */
export async function heapBytesOf(inspectorPort: number): Promise<number> {
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
