/** Where the bench takes place: a Postgres of its own, a shop in it, and cells on clones of that shop. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startPostgres } from '../../scripts/support/embedded-postgres.ts'
import { ROOT } from '../../scripts/support/state.ts'
import { migrateForCells } from '../support/app-login.ts'
import { knowTestTokens } from '../support/identity.ts'
import { testEnvironment } from '../support/services.ts'
import { type Started, start } from './child.ts'
import { fillShop } from './shop.ts'

/** The connections of a cell and of every floor that has a pool. */
export const POOL_MAX = 10
const SHOP = 'shop'

export interface RunningCell {
  readonly port: number
  stop(): Promise<void>
}

export interface Stage {
  readonly folder: string
  urlOf(database: string): string
  /** Copies a database, the shop unless told otherwise. Nobody may be connected to it. */
  clone(database: string, from?: string): Promise<string>
  /** The cell as it runs everywhere, `node regional/main.ts`, on a database. */
  startCell(database: string, environment?: Record<string, string>): Promise<RunningCell>
  /** One cell for all that is measured at the edge, which asks it for little; it ends with the stage. */
  cellOfEdges(): Promise<RunningCell>
  close(): Promise<void>
}

export async function openStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-bench-'))
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  // Interrupted, Postgres is stopped by its own hook before the process exits.
  process.once('exit', remove)
  // Started as root, Postgres runs as a user of its own, who must be able to reach its data.
  chmodSync(folder, 0o755)
  // The time a disk takes for a commit is the same for both sides, so it would only hide what is ours.
  const flags = ['-c', 'fsync=off', '-c', 'max_wal_size=4GB', '-c', 'shared_buffers=256MB']
  const postgres = await startPostgres({ folder: join(folder, 'data'), flags })
  const { urlOf } = postgres
  let ofEdges: Promise<RunningCell> | null = null
  const clone = async (database: string, from = SHOP) => {
    const client = new pg.Client({ connectionString: urlOf('postgres') })
    await client.connect()
    await client.query(`create database "${database}" template "${from}"`)
    await client.end()
    return urlOf(database)
  }
  await postgres.createDatabase(SHOP)
  await migrateForCells(urlOf(SHOP))
  await fillShop(urlOf(SHOP))
  await knowTestTokens(urlOf(SHOP))
  return {
    folder,
    urlOf,
    clone,
    startCell: (database, environment = {}) => startCell(urlOf(database), environment),
    cellOfEdges: () => {
      ofEdges ??= clone('edges').then((url) => startCell(url, {}))
      return ofEdges
    },
    close: async () => {
      await (await ofEdges)?.stop()
      await postgres.stop()
      process.off('exit', remove)
      remove()
    },
  }
}

async function startCell(
  databaseUrl: string,
  environment: Record<string, string>,
): Promise<RunningCell> {
  const cell: Started = await start(
    [process.execPath, 'regional/main.ts'],
    /"url":"http:\/\/127\.0\.0\.1:(\d+)"/,
    {
      cwd: ROOT,
      env: testEnvironment(databaseUrl, {
        PORT: '0',
        LOG_LEVEL: 'info',
        DATABASE_POOL_MAX: String(POOL_MAX),
        ...environment,
      }),
    },
  )
  return { port: Number(cell.captured), stop: cell.stop }
}
