/** A process that runs the development system's Postgres until it is told to stop, and says when it is ready. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { PASSWORD, startPostgres, USER } from './embedded-postgres.ts'
import { isAlive } from './state.ts'

const STOP_MS_MAX = 10_000

const folder = process.argv[2]!
const port = Number(process.argv[3])
const lastLines: string[] = []
try {
  await stopLeftOver()
  const postgres = await startPostgres({ folder, port, onLog: remember })
  console.log(JSON.stringify({ url: postgres.urlOf('postgres') }))
} catch (error) {
  console.log(
    `Postgres did not start: ${error instanceof Error ? error.message : lastLines.join('\n')}`,
  )
  process.exit(1)
}

function remember(text: string): void {
  lastLines.push(text.trim())
  if (lastLines.length > 5) lastLines.shift()
}

/** Stops a Postgres of this very folder that outlived its system: two on one folder would ruin it. */
async function stopLeftOver(): Promise<void> {
  const file = join(folder, 'postmaster.pid')
  if (!existsSync(file)) return
  const [pid, , , leftPort] = readFileSync(file, 'utf8').split('\n').map(Number)
  if (!pid || !isAlive(pid) || !(await isOurs(leftPort ?? 0))) return
  console.log(`stopping the Postgres (process ${pid}) that an earlier run left behind`)
  process.kill(pid, 'SIGINT')
  const deadline = performance.now() + STOP_MS_MAX
  while (isAlive(pid) && existsSync(file) && performance.now() < deadline) await delay(50)
}

/** True when the Postgres on that port keeps its data in our folder. */
async function isOurs(onPort: number): Promise<boolean> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: onPort,
    user: USER,
    password: PASSWORD,
    database: 'postgres',
    connectionTimeoutMillis: 2_000,
  })
  try {
    await client.connect()
    const { rows } = await client.query<{ data_directory: string }>('show data_directory')
    return resolve(rows[0]!.data_directory) === resolve(folder)
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}
