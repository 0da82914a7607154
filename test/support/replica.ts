/** A real streaming replica of an embedded Postgres, which ships no `pg_basebackup`: a copy of its folder, made the same way. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import {
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { RunningPostgres } from '../../scripts/support/embedded-postgres.ts'
import { freePort } from '../../scripts/support/ports.ts'
import { queryRows } from './database.ts'

const WAIT_MS_MAX = 15_000
const POLL_MS = 20
/** Of the running primary alone, or made again by each server that starts (PostgreSQL 18, §25.3.4). */
const NOT_COPIED =
  /\/(?:postmaster\.(?:pid|opts)|pg_(?:replslot|dynshmem|notify|serial|snapshots|stat_tmp|subtrans)\/.+)$/

export interface Replica {
  /** The connection URL of a database in it. */
  urlOf(database: string): string
  /** Nothing is replayed any more, though it still arrives. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Waits until it shows all that the primary has written by now. */
  catchUp(): Promise<void>
  /** `kill -9` of the server. */
  kill(): Promise<void>
  /** Starts it again where it stopped, or was killed. */
  start(): Promise<void>
  /** Stops it for good, and takes its folder away. */
  stop(): Promise<void>
}

interface Server {
  readonly primaryUrl: string
  readonly folder: string
  readonly slot: string
  readonly port: number
  readonly binary: string
  readonly owner: { uid: number; gid: number }
  readonly flags: readonly string[]
}

/**
 * Starts a replica that streams from `primary`, which may be in use meanwhile. A slot keeps what the replica has not
 * had yet, however long it is away.
 *
 * @param flags more `postgres` command-line flags.
 */
export async function startReplica(
  primary: Pick<RunningPostgres, 'urlOf'>,
  flags: readonly string[] = [],
): Promise<Replica> {
  const server = await copyOf(primary.urlOf('postgres'), flags)
  let child = await startServer(server)
  const urlOf = (database: string) => {
    const url = new URL(server.primaryUrl)
    url.port = String(server.port)
    url.pathname = `/${database}`
    return url.toString()
  }
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }
  return {
    urlOf,
    pause: async () => {
      await queryRows(urlOf('postgres'), 'select pg_wal_replay_pause()')
      await until(() => hasState(urlOf('postgres'), 'paused'))
    },
    resume: async () => {
      await queryRows(urlOf('postgres'), 'select pg_wal_replay_resume()')
      await until(() => hasState(urlOf('postgres'), 'not paused'))
    },
    catchUp: () => caughtUp({ primaryUrl: server.primaryUrl, replicaUrl: urlOf('postgres') }),
    kill: () => end('SIGKILL'),
    start: async () => {
      child = await startServer(server)
    },
    stop: async () => {
      await end('SIGINT')
      await dropSlot(server)
      await rm(dirname(server.folder), { recursive: true, force: true })
    },
  }
}

/** A base backup (PostgreSQL 18, §25.3.4), with what makes a server that starts from it a standby. */
async function copyOf(primaryUrl: string, flags: readonly string[]): Promise<Server> {
  const client = new pg.Client({ connectionString: primaryUrl })
  await client.connect()
  const parent = await mkdtemp(join(tmpdir(), 'tradewind-replica-'))
  // Started as root, Postgres runs as a user of its own, who must be able to reach its data.
  chmodSync(parent, 0o755)
  const folder = join(parent, 'data')
  const slot = `replica_${parent.slice(-6).toLowerCase()}`
  try {
    const from = (await client.query<{ data_directory: string }>('show data_directory')).rows[0]!
    const source = from.data_directory
    const owner = await ownerOf(source)
    await client.query('select pg_create_physical_replication_slot($1, true)', [slot])
    await client.query(`select pg_backup_start('replica', fast => true)`)
    await copyFolder({ source, target: folder, owner })
    const { rows } = await client.query<{ labelfile: string }>('select * from pg_backup_stop()')
    await writeFile(join(folder, 'backup_label'), rows[0]!.labelfile)
    await writeFile(join(folder, 'standby.signal'), '')
    await chown(join(folder, 'backup_label'), owner.uid, owner.gid)
    await chown(join(folder, 'standby.signal'), owner.uid, owner.gid)
    const binary = await binaryOf(source)
    return { primaryUrl, folder, slot, port: await freePort(), binary, owner, flags }
  } finally {
    await client.end()
  }
}

/** Copies a folder that is being written to: what goes away meanwhile, replay takes away as well. */
async function copyFolder(copy: {
  source: string
  target: string
  owner: Server['owner']
}): Promise<void> {
  const { source, target, owner } = copy
  await mkdir(target, { mode: 0o700 })
  await chown(target, owner.uid, owner.gid)
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const from = join(source, entry.name)
    const to = join(target, entry.name)
    if (NOT_COPIED.test(from)) continue
    if (entry.isDirectory()) await copyFolder({ source: from, target: to, owner })
    else if (entry.isFile()) await copyOne({ from, to, owner })
  }
}

async function copyOne(copy: { from: string; to: string; owner: Server['owner'] }): Promise<void> {
  const { from, to, owner } = copy
  try {
    await copyFile(from, to)
    await chown(to, owner.uid, owner.gid)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

async function ownerOf(folder: string): Promise<Server['owner']> {
  const { uid, gid } = await stat(folder)
  return { uid, gid }
}

/** The program that the primary runs, as Postgres records its own command line. */
async function binaryOf(folder: string): Promise<string> {
  const options = await readFile(join(folder, 'postmaster.opts'), 'utf8')
  return options.slice(0, options.indexOf(' "-D"'))
}

/** Starts it, again if need be: what a killed server leaves running takes a moment to end. */
async function startServer(server: Server): Promise<ChildProcess> {
  const url = new URL(server.primaryUrl)
  url.port = String(server.port)
  let started = spawnServer(server)
  await until(async () => {
    if (started.child.exitCode !== null) started = spawnServer(server)
    return await hasState(url.toString(), 'not paused').catch(() => false)
  }).catch((cause) => {
    throw new Error(`The replica does not start:\n${started.lines.join('')}`, { cause })
  })
  return started.child
}

function spawnServer({ primaryUrl, folder, slot, port, binary, owner, flags }: Server) {
  const { hostname, port: primaryPort, username, password } = new URL(primaryUrl)
  const conninfo = `host=${hostname} port=${primaryPort} user=${username} password=${password}`
  const settings = [
    'listen_addresses=127.0.0.1',
    'max_connections=200',
    'fsync=off',
    'wal_retrieve_retry_interval=100ms',
    `primary_conninfo=${conninfo}`,
    `primary_slot_name=${slot}`,
  ]
  const options = ['-D', folder, '-p', String(port), ...settings.flatMap((each) => ['-c', each])]
  const child = spawn(binary, [...options, ...flags], {
    ...(process.getuid?.() === 0 ? owner : {}),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  // Postgres outlives whoever started it, unless it is told.
  const killIt = () => child.kill('SIGKILL')
  process.once('exit', killIt)
  child.once('exit', () => process.off('exit', killIt))
  const lines: string[] = []
  child.stderr!.on('data', (chunk) => lines.push(String(chunk)))
  return { child, lines }
}

async function hasState(url: string, state: 'paused' | 'not paused'): Promise<boolean> {
  const text = 'select pg_get_wal_replay_pause_state() as state'
  return (await queryRows<{ state: string }>(url, text))[0]?.state === state
}

async function caughtUp(urls: { primaryUrl: string; replicaUrl: string }): Promise<void> {
  const written = 'select pg_current_wal_flush_lsn() as lsn'
  const [{ lsn }] = (await queryRows<{ lsn: string }>(urls.primaryUrl, written)) as [
    { lsn: string },
  ]
  const replayed = 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as yes'
  await until(async () => {
    return (await queryRows<{ yes: boolean }>(urls.replicaUrl, replayed, [lsn]))[0]?.yes === true
  })
}

/** The primary may be gone by now, and its slots with it. */
async function dropSlot({ primaryUrl, slot }: Server): Promise<void> {
  const text = `select pg_drop_replication_slot(slot_name) from pg_replication_slots
    where slot_name = $1 and not active`
  await queryRows(primaryUrl, text, [slot]).catch(() => undefined)
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS_MAX
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error('The replica does not get there')
    await delay(POLL_MS)
  }
}
