/** Stands between a cell and its Postgres, and fails as networks do. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Relay {
  /** The database's URL, by way of the relay. */
  readonly url: string
  /** What is connected hears nothing more; new connections wait too. */
  silence(): void
  /** New connections are served again, and the silent ones end. */
  restore(): void
  /** Once: the next statement with this text reaches Postgres, is run, and its connection ends instead of an answer. */
  loseAnswerTo(text: string): void
  close(): Promise<void>
}

export async function startRelay(databaseUrl: string): Promise<Relay> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let isSilent = false
  let losing: string | null = null

  const server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port) })
    let isLost = false
    near.on('data', (bytes) => {
      if (losing !== null && bytes.includes(losing)) {
        losing = null
        isLost = true
      }
      if (!isSilent) far.write(bytes)
    })
    far.on('data', (bytes) => {
      if (isLost) near.destroy()
      else if (!isSilent) near.write(bytes)
    })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const relayed = new URL(target)
  relayed.port = String(port)
  const endAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: relayed.toString(),
    silence: () => {
      isSilent = true
    },
    restore: () => {
      isSilent = false
      endAll()
    },
    loseAnswerTo: (text) => {
      losing = text
    },
    close: async () => {
      server.close()
      endAll()
      await once(server, 'close')
    },
  }
}
