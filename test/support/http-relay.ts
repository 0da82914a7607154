/** Stands between an edge and its cell, sees every request, and may change what the cell answers. */
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What an answer becomes on its way; `null` leaves it alone. */
export type Tampering = (path: string, body: string) => string | null

export interface HttpRelay {
  readonly url: string
  /** Paths with their queries, in the order in which they came. */
  readonly asked: string[]
  /** While set, every answer passes through it. */
  tampering: Tampering | null
  close(): Promise<void>
}

export async function startHttpRelay(targetUrl: string): Promise<HttpRelay> {
  const agent = new Agent({ keepAlive: true })
  const server = createServer((near, answer) => {
    const path = near.url ?? '/'
    relay.asked.push(path)
    const { method, headers } = near
    const far = request(targetUrl + path, { method, headers, agent }, (response) => {
      void pass(path, response, answer)
    })
    far.on('error', () => answer.destroy())
    near.pipe(far)
  })
  const relay: HttpRelay = {
    url: '',
    asked: [],
    tampering: null,
    close: async () => {
      agent.destroy()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(relay, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })

  async function pass(path: string, response: IncomingMessage, answer: ServerResponse) {
    const { statusCode = 502, headers } = response
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const changed = relay.tampering?.(path, body.toString()) ?? null
    if (changed === null) answer.writeHead(statusCode, headers).end(body)
    else {
      const { 'content-length': _, ...rest } = headers
      answer.writeHead(statusCode, rest).end(changed)
    }
  }
}
