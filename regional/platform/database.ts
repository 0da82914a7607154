/**
 * The database: one pool with a stated budget, admission before it, and transactions that end with the feed's tick.
 *
 * A write does its work through a `Tx`: it runs statements, names the tags it changed, publishes events and leaves
 * audit rows. All of those are written by one last statement, in which the clock is the last lock taken.
 */
import { Pool as NeonPool, neonConfig, types as neonTypes } from '@neondatabase/serverless'
import type { SQL } from 'drizzle-orm'
import { drizzle as drizzleNeon } from 'drizzle-orm/neon-serverless'
import { drizzle as drizzlePg, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import type { Position } from '../../shared/freshness/position.ts'
import { Admission } from './admission.ts'
import { finish, type TxEffects } from './finish.ts'
import type { Logger } from './log.ts'
import type { Statement } from './statement.ts'
import { v7 as uuidv7 } from './uuid.ts'

// Every bigint of ours (amounts, clocks, counts) stays below 2^53; a string would only be converted by hand.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)
neonTypes.setTypeParser(pg.types.builtins.INT8, Number)

export interface DatabaseOptions {
  url: string
  poolMax: number
  waitingMax: number
  waitMsMax: number
  /** `host:port/path` of a WebSocket-to-TCP proxy, for Neon's driver against a database that is not Neon's. */
  neonProxy?: string | undefined
  /** Sees every statement, for counting round trips. */
  onStatement?: (text: string, params: unknown[]) => void
}

export interface DomainEvent {
  /** Past tense, such as `order.placed`. */
  type: string
  subject: string
  /** May be personal: it never leaves the cell. */
  payload: Record<string, unknown>
}

/** Anything statements run on: a transaction, or the pool for a single read. */
export interface Runner {
  run<Values extends Record<string, unknown>, Row>(
    statement: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]>
}

export interface Tx extends Runner {
  /** Drizzle's query builder inside this transaction. */
  readonly query: QueryBuilder
  /** Names what changed for cached readers; the commit ticks the clock once. */
  tag(...tags: string[]): void
  publish(event: DomainEvent): void
  audit(entry: { actor: string; action: string; subject: string; requestId: string }): void
  /** Records the answer of a creating request with its effect. */
  answer(answer: NonNullable<TxEffects['answer']>): void
}

export interface Committed<T> {
  value: T
  /** The change this transaction made to the catalogue's feed; `null` when it tagged nothing. */
  position: Position | null
}

interface RawResult {
  // biome-ignore lint/suspicious/noExplicitAny: the rows of a library's own statements
  rows: any[]
}
interface RawPool {
  query(text: string, values?: unknown[]): Promise<RawResult>
  end(): Promise<void>
}
type Drizzle = NodePgDatabase<Record<string, never>>
export type QueryBuilder = Pick<Drizzle, 'select' | 'insert' | 'update' | 'delete' | 'execute'>

export class Database implements Runner {
  readonly admission: Admission
  readonly #drizzle: Drizzle
  readonly #pool: RawPool

  constructor(options: DatabaseOptions, log: Logger) {
    this.admission = new Admission({
      runningMax: options.poolMax,
      waitingMax: options.waitingMax,
      waitMsMax: options.waitMsMax,
    })
    const { pool, drizzle } = connect(options)
    this.#pool = pool
    this.#drizzle = drizzle
    const broke = (error: unknown) => log.warn({ code: codeOf(error) }, 'an idle connection broke')
    // The pool replaces such a connection; without a listener it would end the process.
    if (pool instanceof pg.Pool) pool.on('error', broke)
    else pool.on('error', broke)
  }

  get query(): QueryBuilder {
    return this.#drizzle
  }

  /** One statement, outside any transaction. */
  run<Values extends Record<string, unknown>, Row>(
    statement: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    return this.admission.run(() => runOn(this.#drizzle, statement, values))
  }

  /**
   * Runs `work` in one transaction and commits its state, events, audit rows and tick together.
   *
   * @throws whatever `work` throws, with everything rolled back.
   */
  inTransaction<T>(work: (tx: Tx) => Promise<T>): Promise<Committed<T>> {
    return this.admission.run(() =>
      this.#drizzle.transaction(async (inner) => {
        const effects: TxEffects = { tags: new Set(), events: [], audits: [], answer: null }
        const tx = transactionOf(inner as unknown as Drizzle, effects)
        const value = await work(tx)
        return { value, position: await finish(tx, effects) }
      }),
    )
  }

  async execute(query: SQL): Promise<void> {
    await this.#drizzle.execute(query)
  }

  /** A statement of a library's own, such as the job queue's, exactly as that library wrote it. */
  executeSql(text: string, values?: unknown[]): Promise<RawResult> {
    return this.admission.run(() => this.#pool.query(text, values))
  }

  /** Closes the pool when what runs has ended. */
  async close(): Promise<void> {
    await this.#pool.end()
  }
}

function transactionOf(drizzle: Drizzle, effects: TxEffects): Tx {
  return {
    query: drizzle,
    run: (statement, values) => runOn(drizzle, statement, values),
    tag: (...tags) => {
      for (const tag of tags) effects.tags.add(tag)
    },
    publish: (event) => {
      effects.events.push({ id: uuidv7(), ...event })
    },
    audit: (entry) => {
      effects.audits.push({ id: uuidv7(), ...entry })
    },
    answer: (answer) => {
      effects.answer = answer
    },
  }
}

async function runOn<Values extends Record<string, unknown>, Row>(
  drizzle: Drizzle,
  statement: Statement<Values, Row>,
  values: Values,
): Promise<Row[]> {
  const query = { sql: statement.text, params: statement.params as unknown[] }
  const prepared = drizzle._.session.prepareQuery(query, undefined, statement.name, false)
  const result = (await prepared.execute(values)) as { rows: Row[] }
  return result.rows
}

/** Neon's own hosts, or any host behind a WebSocket proxy, go through Neon's driver; the rest through `pg`. */
function connect(options: DatabaseOptions) {
  const { url, poolMax, onStatement, neonProxy } = options
  const settings = { connectionString: url, max: poolMax, connectionTimeoutMillis: 5_000 }
  const logger = onStatement === undefined ? false : { logQuery: onStatement }
  if (neonProxy !== undefined || new URL(url).hostname.endsWith('.neon.tech')) {
    useNeonProxy(neonProxy)
    const pool = new NeonPool(settings)
    return { pool, drizzle: drizzleNeon({ client: pool, logger }) as unknown as Drizzle }
  }
  const pool = new pg.Pool({ ...settings, keepAlive: true })
  return { pool, drizzle: drizzlePg({ client: pool, logger }) as Drizzle }
}

function useNeonProxy(proxy: string | undefined): void {
  if (proxy === undefined) return
  neonConfig.wsProxy = (host, port) => `${proxy}?address=${host}:${port}`
  neonConfig.useSecureWebSocket = false
  neonConfig.pipelineTLS = false
}

/** The SQLSTATE of a database error, wherever the driver's wrapper holds it; undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  return databaseError(error)?.code
}

/** The name of the constraint that a database error reports. */
export function constraintOf(error: unknown): string | undefined {
  return databaseError(error)?.constraint
}

interface DriverError extends Error {
  code?: string
  constraint?: string
}

function databaseError(error: unknown): DriverError | undefined {
  if (!(error instanceof Error)) return undefined
  if (typeof (error as DriverError).code === 'string') return error
  return databaseError(error.cause)
}
