/** Starts one process of a cell: checks its database, listens, runs its jobs and its relay; and drains it again. */
import type { Server } from 'node:http'
import { type ServerType, serve } from '@hono/node-server'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import { modules } from './modules/index.ts'
import { openServices } from './open-services.ts'
import { renewHistory } from './platform/feed.ts'
import { startFeedRelay } from './platform/feed-relay.ts'
import type { Services } from './platform/implement.ts'
import { startJobs } from './platform/jobs.ts'
import { assertServable } from './platform/servable.ts'
import { ensureSigningKey } from './platform/signing-keys.ts'

/** Longer than the edge, or a load balancer, keeps an idle connection: the one who reuses it must close it first. */
export const KEEP_ALIVE_MS = 75_000
/** How long a client may take to send its headers, and its whole request. */
export const HEADERS_MS_MAX = 10_000
export const REQUEST_MS_MAX = 30_000
/** Header bytes of one request; a token and a position take a fraction of it. */
const HEADER_BYTES_MAX = 16_384
/** How often a drain looks for connections that have fallen idle. */
const DRAIN_STEP_MS = 50

export interface RunningCell {
  readonly url: string
  readonly services: Services
  /**
   * Refuses new connections, finishes the requests under way, stops jobs and relay, and closes the pools. What is not
   * finished after `DRAIN_MS_MAX` is cut off.
   */
  drain(): Promise<void>
}

/** @throws {Error} with one line that says what to do, when the database or the port cannot serve. */
export async function startCell(config: Config): Promise<RunningCell> {
  const services = openServices(config)
  const { db, log } = services
  try {
    await assertServable(db)
    await renewHistory(db)
    await ensureSigningKey(db, { cell: config.CELL, secret: config.TOKEN_KEY_SECRET })
    const server = await listen(services)
    const jobs = await startJobs(services, modules)
    const relay = startFeedRelay(services)
    const { port } = server.address() as { port: number }
    const url = `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`
    log.info({ url, pid: process.pid }, 'ready')
    return {
      url,
      services,
      drain: async () => {
        await closeServer(server, config.DRAIN_MS_MAX)
        await Promise.all([jobs.stop(), relay?.stop()])
        await services.close()
      },
    }
  } catch (error) {
    await services.close()
    throw error
  }
}

function listen(services: Services): Promise<Server> {
  const { HOST, PORT } = services.config
  const app = createApp(services, modules)
  return new Promise((resolve, reject) => {
    const server: ServerType = serve(
      {
        fetch: app.fetch,
        hostname: HOST,
        port: PORT,
        serverOptions: {
          keepAliveTimeout: KEEP_ALIVE_MS,
          headersTimeout: HEADERS_MS_MAX,
          requestTimeout: REQUEST_MS_MAX,
          maxHeaderSize: HEADER_BYTES_MAX,
        },
      },
      () => resolve(server as Server),
    )
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE'
      const reason = taken ? 'another process listens there; set PORT' : cause.code
      reject(new Error(`The cell cannot listen on ${HOST}:${PORT}: ${reason}`, { cause }))
    })
  })
}

async function closeServer(server: Server, msMax: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  // A connection turns idle when its request is answered; only then may it be closed.
  const step = setInterval(() => server.closeIdleConnections(), DRAIN_STEP_MS)
  const cut = setTimeout(() => server.closeAllConnections(), msMax)
  await closed
  clearInterval(step)
  clearTimeout(cut)
}
