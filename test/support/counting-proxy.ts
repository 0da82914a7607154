/** Stands between edges and a cell, and counts what is asked for. */
import { once } from 'node:events'
import { createServer, request as send } from 'node:http'

export interface CountingProxy {
  readonly url: string
  /** Requests so far whose path begins with this. */
  count(path: string): number
  close(): Promise<void>
}

export async function startCountingProxy(targetUrl: string): Promise<CountingProxy> {
  const target = new URL(targetUrl)
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(request.url ?? '')
    const { method, url: path, headers } = request
    const onward = send({ host: target.hostname, port: target.port, method, path, headers })
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    count: (path) => paths.filter((each) => each.startsWith(path)).length,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
