/**
 * The cache of one data centre, as the Cache API gives it: it keeps responses for their `max-age`, and may be shared
 * by isolates. Edges of this process use it as it is; a workerd is given it over HTTP, as workerd asks for it.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Random } from './random.ts'

interface Kept {
  readonly headers: [string, string][]
  readonly body: Uint8Array<ArrayBuffer>
  readonly untilMs: number
}

/** Kept by no cache of ours, and told by no edge. */
const HOP_HEADERS = ['transfer-encoding', 'content-length', 'connection']

const FEED_LIFE_MS = 1_000
const FEEDS_MAX = 20

/** True of an address under which an answer of the feed is kept. */
export function isFeed(address: string): boolean {
  return address.includes('/feed/')
}

export class Colo {
  readonly #kept = new Map<string, Kept>()
  /** The feed's answers that it has held of late. */
  readonly #feeds: { address: string; kept: Kept }[] = []
  /** How many times longer than it was told it keeps a feed's answer. */
  feedLifeFactor = 1
  #server: Server | null = null
  #address: Promise<string> | null = null

  /** Where a workerd finds it. */
  listen(): Promise<string> {
    this.#address ??= this.#open()
    return this.#address
  }

  async #open(): Promise<string> {
    const server = createServer((incoming, outgoing) => {
      this.#serve(incoming)
        .then((answer) => {
          outgoing.writeHead(answer.status, answer.headers)
          outgoing.end(answer.body)
        })
        .catch(() => outgoing.destroy())
    })
    this.#server = server
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    return `127.0.0.1:${port}`
  }

  async close(): Promise<void> {
    const server = this.#server
    if (server === null) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }

  get entries(): number {
    return this.#kept.size
  }

  put(address: string, response: { headers: [string, string][]; body: Uint8Array<ArrayBuffer> }) {
    const headers = response.headers.filter(([name]) => !HOP_HEADERS.includes(name))
    const control = headers.find(([name]) => name === 'cache-control')?.[1] ?? ''
    const seconds = Number(/max-age=(\d+)/.exec(control)?.[1] ?? 0)
    const lifeMs = seconds * 1_000 * (isFeed(address) ? this.feedLifeFactor : 1)
    const kept = { headers, body: response.body, untilMs: performance.now() + lifeMs }
    this.#kept.set(address, kept)
    if (isFeed(address)) this.#feeds.push({ address, kept })
    if (this.#feeds.length > FEEDS_MAX) this.#feeds.shift()
  }

  get(address: string): Omit<Kept, 'untilMs'> | null {
    const kept = this.#kept.get(address)
    return kept === undefined || kept.untilMs < performance.now() ? null : kept
  }

  /** Puts an answer of the feed that it held earlier in the place of the one that it holds. */
  putOlderFeed(random: Random): void {
    const { address, kept } = random.pick(this.#feeds) ?? {}
    if (address === undefined || kept === undefined) return
    this.#kept.set(address, { ...kept, untilMs: performance.now() + FEED_LIFE_MS })
  }

  /** As an isolate of this process is given it. */
  get cache(): Cache {
    const match = async (address: RequestInfo | URL) => {
      const kept = this.get(String(address))
      return kept === null ? undefined : new Response(kept.body.slice(), { headers: kept.headers })
    }
    const put = async (address: RequestInfo | URL, response: Response) => {
      const body = new Uint8Array(await response.arrayBuffer())
      this.put(String(address), { headers: [...response.headers], body })
    }
    return { match, put } as unknown as Cache
  }

  /** workerd asks by GET, and stores by a PUT whose body is the whole response as HTTP/1.1 writes it. */
  async #serve(incoming: IncomingMessage) {
    const address = addressOf(incoming)
    if (incoming.method === 'PUT') {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      this.put(address, parsedResponse(Buffer.concat(chunks)))
      return { status: 204, headers: {}, body: undefined }
    }
    const kept = this.get(address)
    if (kept === null) return { status: 504, headers: { 'cf-cache-status': 'MISS' }, body: '' }
    const headers = { ...Object.fromEntries(kept.headers), 'cf-cache-status': 'HIT' }
    return { status: 200, headers, body: kept.body }
  }
}

function addressOf({ url = '', headers }: IncomingMessage): string {
  return `https://${headers.host}${url}`
}

function parsedResponse(bytes: Buffer) {
  const end = bytes.indexOf('\r\n\r\n')
  const lines = bytes.subarray(0, end).toString('latin1').split('\r\n').slice(1)
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  const isChunked = headers.some(
    ([name, value]) => name === 'transfer-encoding' && value === 'chunked',
  )
  const rest = bytes.subarray(end + 4)
  return { headers, body: Uint8Array.from(isChunked ? unchunked(rest) : rest) }
}

/** RFC 9112 §7.1, without trailers. */
function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at)
    const length = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16)
    if (line === -1 || !(length > 0)) return Buffer.concat(parts)
    parts.push(bytes.subarray(line + 2, line + 2 + length))
    at = line + 2 + length + 2
  }
}
