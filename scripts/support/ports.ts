/** Ports of this machine's loopback. */
import { createServer } from 'node:net'

/** How many ports after a taken one are tried. */
const PORTS_TRIED_MAX = 50

/** A port nobody listens on now. */
export async function freePort(): Promise<number> {
  return (await listenable(0))!
}

/**
 * The first free port from `wanted` on.
 *
 * @param isOurs ports that were given out already.
 * @throws {Error} when none of the next `PORTS_TRIED_MAX` is free.
 */
export async function freePortFrom(wanted: number, isOurs: ReadonlySet<number>): Promise<number> {
  const last = Math.min(wanted + PORTS_TRIED_MAX, 65_535)
  for (let port = wanted; port <= last; port += 1) {
    if (!isOurs.has(port) && (await listenable(port)) !== null) return port
  }
  throw new Error(`No port from ${wanted} to ${last} is free`)
}

/** The port, when it can be listened on; `0` asks for any. */
function listenable(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen(port, '127.0.0.1', () => {
      const { port: got } = server.address() as { port: number }
      server.close(() => resolve(got))
    })
  })
}
