/**
 * Where a cacheable read is made: on a replica that has reached the minimum, or on the primary.
 *
 * A statement says itself what it saw, so a replica is believed only by the stamp of its answer: of the minimum's
 * history, at least at its number, and at most where the primary's clock has been seen. A replica cannot know a history
 * that it has not replayed, but it can replay a commit before the primary shows it, and then the primary's feed would
 * deny what the reader has seen: for a moment always, and for as long as a commit waits for a synchronous standby.
 */
import type { Position } from '../../shared/freshness/position.ts'
import { within } from '../../shared/freshness/within.ts'
import { REQUEST_WAITS, type Waits } from './connections.ts'
import { codeOf, type Database } from './database.ts'
import { currentStamp, type StampRow, selectStamp, stamped } from './feed.ts'
import type { Logger } from './log.ts'
import type { Statement } from './statement.ts'

/** A replica that takes longer is passed over: the primary can answer too. */
const REPLICA_MS_MAX = 1_000
/** A statement that nobody waits for any more gives its connection back. */
export const REPLICA_WAITS: Waits = {
  ...REQUEST_WAITS,
  statementMsMax: REPLICA_MS_MAX,
  lockMsMax: REPLICA_MS_MAX,
}
/** After a failure, how long nothing is asked of the replica; then it is asked how far it has come before it is used. */
const REPLICA_RETRY_MS = 1_000
/** How often a replica that was behind is asked how far it has come. */
const REPLICA_PROBE_MS = 100

/** Reads a cached contract's document: its handler's only way to the database. */
export interface Snapshots {
  /** The statement's one row, which holds `stampColumns`, at the minimum or later. */
  row<Values extends Record<string, unknown>, Row extends StampRow>(
    statement: Statement<Values, Row>,
    values: Values,
  ): Promise<Row>
}

export interface SnapshotCounters {
  primary: number
  replica: number
  /** Answers of the replica that did not reach the minimum, and were asked for again at the primary. */
  replicaBehind: number
  /** Answers of the replica that held a change that the primary does not show yet, likewise. */
  replicaAhead: number
  replicaFailures: number
}

export class SnapshotReads {
  readonly counters: SnapshotCounters = {
    primary: 0,
    replica: 0,
    replicaBehind: 0,
    replicaAhead: 0,
    replicaFailures: 0,
  }
  readonly #primary: Database
  readonly #replica: Database | null
  readonly #log: Logger
  /** The state in which the replica was seen last; `null` after a failure. */
  #reached: Position | null = null
  /** The newest state in which the primary has been seen. */
  #shown: Position | null = null
  #askingPrimary: Promise<unknown> | null = null
  #probedAtMs = Number.NEGATIVE_INFINITY
  #failingUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: { primary: Database; replica: Database | null; log: Logger }) {
    this.#primary = options.primary
    this.#replica = options.replica
    this.#log = options.log
  }

  /**
   * Reads that may not be older than the minimum; without one they are the primary's.
   *
   * @param minimum a state that the primary has shown.
   */
  atLeast(minimum: Position | null): Snapshots {
    return {
      row: async (statement, values) => {
        const near = await this.#fromReplica(statement, values, minimum)
        return near ?? (await this.#fromPrimary(statement, values))
      },
    }
  }

  async #fromPrimary<Values extends Record<string, unknown>, Row extends StampRow>(
    statement: Statement<Values, Row>,
    values: Values,
  ): Promise<Row> {
    this.counters.primary += 1
    const db = this.#primary
    const row = await stamped(db, async () => (await db.run(statement, values))[0]!)
    if (this.#replica !== null) this.#noteShown(row)
    return row
  }

  async #fromReplica<Values extends Record<string, unknown>, Row extends StampRow>(
    statement: Statement<Values, Row>,
    values: Values,
    minimum: Position | null,
  ): Promise<Row | null> {
    const replica = this.#replica
    if (replica === null || minimum === null) return null
    if (!reaches(this.#reached, minimum)) {
      this.#probe(replica)
      return null
    }
    const row = await this.#ask(replica, statement, values)
    if (row === null) return null
    const outcome = await this.#outcomeOf(row, minimum)
    this.counters[outcome] += 1
    return outcome === 'replica' ? row : null
  }

  async #outcomeOf(
    at: Position,
    minimum: Position,
  ): Promise<'replica' | 'replicaBehind' | 'replicaAhead'> {
    if (!reaches(at, minimum)) return 'replicaBehind'
    if (reaches(minimum, at) || reaches(this.#shown, at)) return 'replica'
    // One question at a time, however many reads wait for it.
    this.#askingPrimary ??= currentStamp(this.#primary)
      .then((shown) => this.#noteShown(shown))
      .catch(() => undefined)
      .finally(() => {
        this.#askingPrimary = null
      })
    await this.#askingPrimary
    return reaches(this.#shown, at) ? 'replica' : 'replicaAhead'
  }

  #noteShown({ n, history }: Position): void {
    if (this.#shown?.history === history && this.#shown.n >= n) return
    this.#shown = { n, history }
  }

  /** Asks the replica, behind the answer, how far it has come. */
  #probe(replica: Database): void {
    const nowMs = performance.now()
    if (nowMs < this.#failingUntilMs || nowMs - this.#probedAtMs < REPLICA_PROBE_MS) return
    this.#probedAtMs = nowMs
    void this.#ask(replica, selectStamp, {})
  }

  /** `null` when the replica cannot answer. */
  async #ask<Values extends Record<string, unknown>, Row extends StampRow>(
    replica: Database,
    statement: Statement<Values, Row>,
    values: Values,
  ): Promise<Row | null> {
    const asking = replica.run(statement, values).catch((error: unknown) => {
      this.#log.warn({ code: codeOf(error) }, 'the replica cannot answer')
      return null
    })
    const rows = await within(asking, REPLICA_MS_MAX)
    const row = rows === 'late' ? null : (rows?.[0] ?? null)
    if (row === null) {
      this.counters.replicaFailures += 1
      this.#failingUntilMs = performance.now() + REPLICA_RETRY_MS
      this.#reached = null
      return null
    }
    this.#reached = { n: row.n, history: row.history }
    return row
  }
}

function reaches(at: Position | null, minimum: Position): boolean {
  return at !== null && at.history === minimum.history && at.n >= minimum.n
}
