/**
 * The database: one pool with a stated budget, admission before it, and transactions that end with the feed's tick.
 *
 * A write does its work through a `Tx`: it runs statements, names the tags it changed, publishes events and leaves
 * audit rows. All of those are written by one last statement, in which the clock is the last lock taken.
 */
import { type SQL, sql } from 'drizzle-orm'
import type { Position } from '../../shared/freshness/position.ts'
import { Admission } from './admission.ts'
import {
  type ConnectionOptions,
  type Connections,
  connectionsTo,
  type Drizzle,
  type RawResult,
} from './connections.ts'
import { codeOf, lostRace } from './database-errors.ts'
import { finish, type TxEffects } from './finish.ts'
import type { Logger } from './log.ts'
import type { Statement } from './statement.ts'
import { v7 as uuidv7 } from './uuid.ts'

export { codeOf, constraintOf } from './database-errors.ts'

export interface DatabaseOptions extends ConnectionOptions {
  waitingMax: number
  waitMsMax: number
}

/** How often a transaction is run that loses against others: a deadlock ends one of them, whoever comes first. */
const ATTEMPTS_MAX = 3

export interface DomainEvent {
  /** Past tense, such as `order.placed`. */
  type: string
  subject: string
  /** May be personal: it never leaves the cell, and is emptied when the person is erased. */
  payload: Record<string, unknown>
  /**
   * True for a payload that must not linger, such as one with a one-time link. It is in the outbox and nowhere else:
   * jobs get the event without it, and who reacts takes it with `heldPayload` and then calls `forgetPayload`.
   */
  isHeld?: boolean
}

/** A row of the audit log. */
export interface AuditEntry {
  actor: string
  /** What was done, such as `product.published`. */
  action: string
  /** The id of what it was done to. */
  subject: string
  requestId: string
  /** What an auditor needs beside, such as before and after. Never personal data. */
  detail?: Record<string, unknown>
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
  /** Ends access tokens by a tag of theirs (see `shared/principal.ts`): the commit ticks the `cell` feed's clock. */
  endTokens(...tags: string[]): void
  publish(event: DomainEvent): void
  audit(entry: AuditEntry): void
  /** Records the answer of a creating request with its effect. */
  answer(answer: NonNullable<TxEffects['answer']>): void
}

export interface Committed<T> {
  value: T
  /** The change this transaction made to the catalogue's feed; `null` when it tagged nothing. */
  position: Position | null
}

export type QueryBuilder = Pick<Drizzle, 'select' | 'insert' | 'update' | 'delete' | 'execute'>

export class Database implements Runner {
  readonly admission: Admission
  readonly #connections: Connections
  readonly #prepared = new Map<string, Prepared<unknown>>()

  constructor(options: DatabaseOptions, log: Logger) {
    this.admission = new Admission({
      runningMax: options.poolMax,
      waitingMax: options.waitingMax,
      waitMsMax: options.waitMsMax,
    })
    this.#connections = connectionsTo(options, (error) => {
      log.warn({ code: codeOf(error) }, 'a connection broke')
    })
  }

  get query(): QueryBuilder {
    return this.#connections.drizzle
  }

  /** One statement, outside any transaction. */
  run<Values extends Record<string, unknown>, Row>(
    statement: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    return this.admission.run(() => execute(this.#preparedOf(statement), values))
  }

  /**
   * Runs `work` in one transaction and commits its state, events, audit rows and tick together. When Postgres ends it
   * in favour of another (a deadlock), all of it runs again, so `work` may do nothing but through its `tx`.
   *
   * @param contract the id of the contract that asked for it, which its audit rows name.
   * @throws whatever `work` throws, with everything rolled back. When the connection is lost during the commit, whether
   *   it happened is not known.
   */
  inTransaction<T>(
    work: (tx: Tx) => Promise<T>,
    contract: string | null = null,
  ): Promise<Committed<T>> {
    return this.admission.run(async () => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await this.#attempt(work, contract)
        } catch (error) {
          if (attempt >= ATTEMPTS_MAX || !lostRace(error)) throw error
        }
      }
    })
  }

  async #attempt<T>(work: (tx: Tx) => Promise<T>, contract: string | null): Promise<Committed<T>> {
    const { drizzle, release } = await this.#connections.take()
    const effects: TxEffects = {
      tags: new Set(),
      ended: new Set(),
      events: [],
      audits: [],
      answer: null,
    }
    try {
      await drizzle.execute(sql`begin`)
      const tx = transactionOf(drizzle, effects, contract)
      const value = await work(tx)
      const position = await finish(tx, effects)
      const { command } = await drizzle.execute(sql`commit`)
      // Postgres answers so, without an error, when a statement had failed and nobody minded.
      if (command !== 'COMMIT') throw new Error('a failed transaction was to be committed')
      release(false)
      return { value, position }
    } catch (error) {
      // What went wrong first is what matters; a connection that cannot even roll back is closed, which does it too.
      const isUndone = await drizzle.execute(sql`rollback`).then(
        () => true,
        () => false,
      )
      release(!isUndone)
      throw error
    }
  }

  /** On the pool a statement is put together once; each of its connections prepares it once. */
  #preparedOf<Values, Row>(statement: Statement<Values, Row>): Prepared<Row> {
    const known = this.#prepared.get(statement.name)
    if (known !== undefined) return known as Prepared<Row>
    const prepared = prepare(this.#connections.drizzle, statement)
    this.#prepared.set(statement.name, prepared)
    return prepared
  }

  async execute(query: SQL): Promise<void> {
    await this.#connections.drizzle.execute(query)
  }

  /** A statement of a library's own, such as the job queue's, exactly as that library wrote it. */
  executeSql(text: string, values?: unknown[]): Promise<RawResult> {
    return this.admission.run(() => this.#connections.query(text, values))
  }

  /** Closes the pool when what runs has ended. */
  async close(): Promise<void> {
    await this.#connections.end()
  }
}

function transactionOf(drizzle: Drizzle, effects: TxEffects, contract: string | null): Tx {
  return {
    query: drizzle,
    run: (statement, values) => execute(prepare(drizzle, statement), values),
    tag: (...tags) => {
      for (const tag of tags) effects.tags.add(tag)
    },
    endTokens: (...tags) => {
      for (const tag of tags) effects.ended.add(tag)
    },
    publish: (event) => {
      effects.events.push({ id: uuidv7(), ...event })
    },
    audit: (entry) => {
      effects.audits.push({ id: uuidv7(), contract, ...entry })
    },
    answer: (answer) => {
      effects.answer = answer
    },
  }
}

interface Prepared<Row> {
  execute(values: Record<string, unknown>): Promise<{ rows: Row[] }>
}

function prepare<Values, Row>(drizzle: Drizzle, statement: Statement<Values, Row>): Prepared<Row> {
  const query = { sql: statement.text, params: statement.params as unknown[] }
  const { session } = drizzle._
  return session.prepareQuery(query, undefined, statement.name, false) as unknown as Prepared<Row>
}

async function execute<Row>(prepared: Prepared<Row>, values: Record<string, unknown>) {
  return (await prepared.execute(values)).rows
}
