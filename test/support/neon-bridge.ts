/**
 * A WebSocket-to-TCP bridge, as Neon's own proxy is: it lets Neon's driver speak to a Postgres that is not Neon's.
 * The driver names where it wants to go in the query: `/v1?address=host:port`.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'

export interface NeonBridge {
  /** What `NEON_WS_PROXY` is set to. */
  readonly proxy: string
  /** Connections made so far. */
  readonly connections: number
  close(): Promise<void>
}

export async function startNeonBridge(): Promise<NeonBridge> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  let connections = 0
  server.on('connection', (socket: WebSocket, request: { url?: string }) => {
    connections += 1
    const address = new URL(request.url ?? '/', 'http://bridge').searchParams.get('address')
    const [host, port] = (address ?? '').split(':')
    join(socket, { host: host ?? '', port: Number(port) })
  })
  const { port } = server.address() as { port: number }
  return {
    proxy: `127.0.0.1:${port}/v1`,
    get connections() {
      return connections
    },
    close: async () => {
      for (const socket of server.clients) socket.terminate()
      server.close()
      await once(server, 'close')
    },
  }
}

function join(socket: WebSocket, address: { host: string; port: number }): void {
  const database = connect(address)
  socket.on('message', (data: RawData) => database.write(data as Buffer))
  socket.on('close', () => database.destroy())
  socket.on('error', () => database.destroy())
  database.on('data', (data) => socket.send(data))
  database.on('close', () => socket.close())
  database.on('error', () => socket.close())
}
