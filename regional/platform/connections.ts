/** Pools of connections to Postgres, through `pg` or Neon's driver, and how long anything may take on one. */
import { Socket } from 'node:net'
import {
  Pool as NeonPool,
  type PoolClient as NeonPoolClient,
  neonConfig,
  types as neonTypes,
} from '@neondatabase/serverless'
import { drizzle as drizzleNeon } from 'drizzle-orm/neon-serverless'
import { drizzle as drizzlePg, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'

// Every bigint of ours (amounts, clocks, counts) stays below 2^53; a string would only be converted by hand.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)
neonTypes.setTypeParser(pg.types.builtins.INT8, Number)

export interface ConnectionOptions {
  url: string
  poolMax: number
  /** `host:port/path` of a WebSocket-to-TCP proxy, for Neon's driver against a database that is not Neon's. */
  neonProxy?: string | undefined
  /** Sees every statement, for counting round trips. */
  onStatement?: (text: string, params: unknown[]) => void
  /** `REQUEST_WAITS` when left out. */
  waits?: Waits | undefined
}

/** How long anything may take before Postgres ends it, in milliseconds. */
export interface Waits {
  /** One statement, its wait for locks included. */
  statementMsMax: number
  lockMsMax: number
  /** A transaction between two statements: whoever abandoned it gives its locks back. */
  idleInTransactionMsMax: number
  /** How much longer than any of these a connection may say nothing, before it counts as lost. */
  silenceMs: number
}

/** For what somebody waits for: no more than an edge does. */
export const REQUEST_WAITS: Waits = {
  statementMsMax: 15_000,
  lockMsMax: 10_000,
  idleInTransactionMsMax: 15_000,
  silenceMs: 5_000,
}

const CONNECT_MS_MAX = 5_000

export type Drizzle = NodePgDatabase<Record<string, never>>

export interface RawResult {
  // biome-ignore lint/suspicious/noExplicitAny: the rows of a library's own statements
  rows: any[]
}

/** One connection, taken out of the pool. */
export interface Connection {
  readonly drizzle: Drizzle
  /** @param broken true closes it; otherwise it may be used again. */
  release(broken: boolean): void
}

export interface Connections {
  readonly drizzle: Drizzle
  take(): Promise<Connection>
  query(text: string, values?: unknown[]): Promise<RawResult>
  end(): Promise<void>
}

/**
 * Neon's own hosts, or any host behind a WebSocket proxy, go through Neon's driver; the rest through `pg`.
 *
 * @param onBroken is told of every connection that broke. A listener there must be: an `error` that nobody hears ends
 *   the process, and a connection may break at any moment, also between two statements of a transaction.
 */
export function connectionsTo(
  options: ConnectionOptions,
  onBroken: (error: unknown) => void,
): Connections {
  const { url, onStatement, neonProxy } = options
  const logger = onStatement === undefined ? false : { logQuery: onStatement }
  if (neonProxy !== undefined || new URL(url).hostname.endsWith('.neon.tech')) {
    useNeonProxy(neonProxy)
    const pool = new NeonPool(settingsOf(options))
    pool.on('connect', (client: NeonPoolClient) => client.on('error', onBroken))
    pool.on('error', () => {})
    const on = (client: NeonPool | NeonPoolClient) =>
      drizzleNeon({ client, logger }) as unknown as Drizzle
    return { ...pooled<NeonPoolClient>(pool, on), drizzle: on(pool) }
  }
  const stream = () => boundedSocket(options.waits ?? REQUEST_WAITS)
  const pool = new pg.Pool({ ...settingsOf(options), keepAlive: true, stream })
  pool.on('connect', (client) => client.on('error', onBroken))
  pool.on('error', () => {})
  const on = (client: pg.Pool | pg.PoolClient) => drizzlePg({ client, logger }) as Drizzle
  return { ...pooled<pg.PoolClient>(pool, on), drizzle: on(pool) }
}

function settingsOf({ url, poolMax, waits = REQUEST_WAITS }: ConnectionOptions) {
  const settings = {
    connectionString: url,
    max: poolMax,
    connectionTimeoutMillis: CONNECT_MS_MAX,
  }
  // Neon's pooled endpoints refuse a connection that sets parameters: there the role must have them.
  if (new URL(url).hostname.includes('-pooler.')) return settings
  return {
    ...settings,
    statement_timeout: waits.statementMsMax,
    lock_timeout: waits.lockMsMax,
    idle_in_transaction_session_timeout: waits.idleInTransactionMsMax,
  }
}

interface Client {
  release(destroy?: boolean): void
}
interface Pool<C extends Client> {
  connect(): Promise<C>
  query(text: string, values?: unknown[]): Promise<RawResult>
  end(): Promise<void>
}

function pooled<C extends Client>(pool: Pool<C>, on: (client: C) => Drizzle) {
  const known = new WeakMap<C, Drizzle>()
  return {
    take: async (): Promise<Connection> => {
      const client = await pool.connect()
      const drizzle = known.get(client) ?? on(client)
      known.set(client, drizzle)
      return { drizzle, release: (broken) => client.release(broken) }
    },
    query: (text: string, values?: unknown[]) => pool.query(text, values),
    end: () => pool.end(),
  }
}

/**
 * A socket that gives up on a peer that has vanished without a word, as in a failover: Postgres answers, or refuses, within
 * the limits it was given, so a longer silence is a lost connection. TCP alone would wait for a quarter of an hour.
 */
function boundedSocket({ statementMsMax, idleInTransactionMsMax, silenceMs }: Waits): Socket {
  const socket = new Socket()
  socket.setTimeout(Math.max(statementMsMax, idleInTransactionMsMax) + silenceMs, () => {
    socket.destroy(Object.assign(new Error('Postgres is silent'), { code: 'ETIMEDOUT' }))
  })
  return socket
}

function useNeonProxy(proxy: string | undefined): void {
  if (proxy === undefined) return
  neonConfig.wsProxy = (host, port) => `${proxy}?address=${host}:${port}`
  neonConfig.useSecureWebSocket = false
  neonConfig.pipelineTLS = false
}
