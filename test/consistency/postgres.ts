/** The Postgres of a run: a real cluster in a folder of its own, which faults may kill, start again and put back. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { type RunningPostgres, startPostgres } from '../../scripts/support/embedded-postgres.ts'
import { freePort } from '../../scripts/support/ports.ts'
import { isAlive } from '../../scripts/support/state.ts'

const GONE_MS_MAX = 10_000
const START_ATTEMPTS_MAX = 20
const LOOK_EVERY_MS = 20
// What a crash of the machine would lose does not matter here; a crash of a process loses nothing all the same.
const FLAGS = ['-c', 'fsync=off', '-c', 'full_page_writes=off', '-c', 'wal_level=replica']

export class Postgres {
  readonly folder: string
  readonly port: number
  #running: RunningPostgres | null = null

  private constructor(folder: string, port: number) {
    this.folder = folder
    this.port = port
  }

  static async start(folder: string): Promise<Postgres> {
    const postgres = new Postgres(folder, await freePort())
    await postgres.start()
    return postgres
  }

  urlOf(database: string): string {
    return this.#running!.urlOf(database)
  }

  /** Starts it, on the same port. Right after a crash what is left of the old one may still be ending. */
  async start(): Promise<void> {
    for (let attempt = 1; this.#running === null; attempt += 1) {
      const lines: string[] = []
      const { folder, port } = this
      const options = { folder, port, flags: FLAGS, onLog: (line: string) => lines.push(line) }
      this.#running = await startPostgres(options).catch(async (cause: unknown) => {
        if (attempt < START_ATTEMPTS_MAX) return await delay(100, null)
        throw new Error(`Postgres does not start:\n${lines.join('')}`, { cause })
      })
    }
  }

  async stop(): Promise<void> {
    const running = this.#running
    this.#running = null
    await running?.stop()
  }

  /** `kill -9` of every process of the cluster. */
  async kill(): Promise<void> {
    const known = await this.query<{ pid: number }>('postgres', 'select pid from pg_stat_activity')
    const all = [this.#postmaster, ...known.map(({ pid }) => pid)]
    // Told to stop after it is dead, so that the package behind it knows that it need not stop it again.
    for (const pid of all) killNow(pid)
    await this.stop()
    const deadlineMs = performance.now() + GONE_MS_MAX
    while (all.some(isAlive) && performance.now() < deadlineMs) await delay(LOOK_EVERY_MS)
  }

  /** `kill -9` of one backend: Postgres then ends all the others and recovers by itself. */
  killBackend(pid: number): void {
    killNow(pid)
  }

  /** A copy of the data, taken while it is stopped. */
  async copyTo(copy: string): Promise<void> {
    await rm(copy, { recursive: true, force: true })
    // Node's own copies belong to whoever makes them, and Postgres opens no file of another user.
    await promisify(execFile)('cp', ['-a', this.folder, copy])
  }

  /** Puts an earlier copy in the place of the data, while it is stopped. */
  async putBack(copy: string): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
    await rename(copy, this.folder)
  }

  /** Runs one statement in a connection of its own. */
  async query<Row extends pg.QueryResultRow>(
    database: string,
    text: string,
    values: unknown[] = [],
  ): Promise<Row[]> {
    const client = await this.connect(database)
    try {
      return (await client.query<Row>(text, values)).rows
    } finally {
      await client.end().catch(() => {})
    }
  }

  /** A session for a fault to hold. It may be killed. */
  async connect(database: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.urlOf(database) })
    client.on('error', () => {})
    await client.connect()
    return client
  }

  get #postmaster(): number {
    return Number(readFileSync(join(this.folder, 'postmaster.pid'), 'utf8').split('\n')[0])
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
