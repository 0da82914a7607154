/**
 * Work behind the requests: reactions to events, and jobs that recur.
 *
 * Both run on pg-boss, on a pool of their own, so that they neither starve nor are starved by requests. Any number of
 * processes of a cell may run them on one database.
 */
import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { type JobResult, PgBoss } from 'pg-boss'
import { Admission } from './admission.ts'
import { SEAL_EVERY_SECONDS, sealAudit } from './audit-seal.ts'
import type { Waits } from './connections.ts'
import { Database } from './database.ts'
import { reasonOf } from './database-errors.ts'
import { pruneFeed } from './feed.ts'
import { pruneIdempotency } from './idempotency.ts'
import {
  FinalFailure,
  type Job,
  type Module,
  type Reaction,
  type Services,
  type StoredEvent,
} from './implement.ts'
import { dispatchEvents, pruneOutbox } from './outbox.ts'
import { pruneSessions } from './sessions.ts'

/** Connections of one process for everything in this file, beside `DATABASE_POOL_MAX`. */
export const JOBS_POOL_MAX = 4
/** Recurring jobs at once in one process. Each holds a connection for its lock while it runs. */
const JOBS_RUNNING_MAX = 2
const JOBS_WAITING_MAX = 1_000
const JOBS_WAIT_MS_MAX = 60_000

/** How often the outbox is looked at: one index probe that finds nothing, when there is nothing. */
export const DISPATCH_EVERY_MS = 100
/** How long to leave a database alone after it refused the dispatcher. */
const DISPATCH_PAUSE_MS = 1_000

/** Workers look by themselves this often, for retries and for what a dead process dispatched. */
const POLL_SECONDS = 1
/** A process that says nothing for this long has lost its work to the others. */
const HEARTBEAT_SECONDS = 10
/** Events that a worker takes at a time, and reacts to one after the other. */
const REACTION_BATCH_MAX = 50
const WORK_SECONDS_MAX = 300
const RETRIES_MAX = 12
const RETRY_DELAY_SECONDS_MAX = 300
/** Of a reaction that asks a vendor: events at a time, all at once, and retries that last for over a day. */
const VENDOR_BATCH_MAX = 5
const VENDOR_RETRIES_MAX = 300
const STOP_MS_MAX = 5_000

/** Nobody waits for a job. One that recurs holds its lock in a transaction that is idle while it runs. */
const JOBS_WAITS: Waits = {
  statementMsMax: 60_000,
  lockMsMax: 15_000,
  idleInTransactionMsMax: WORK_SECONDS_MAX * 1_000,
  silenceMs: 5_000,
}

/** Where an event ends that a reaction refused for good, or too often; pg-boss can redrive it from there. */
export const DEAD_LETTER_QUEUE = 'dead-letter'

const platformJobs: readonly Job[] = [
  { name: 'platform.prune-feed', everySeconds: 60, run: ({ db }) => pruneFeed(db) },
  { name: 'platform.prune-idempotency', everySeconds: 600, run: ({ db }) => pruneIdempotency(db) },
  { name: 'platform.prune-outbox', everySeconds: 600, run: ({ db }) => pruneOutbox(db) },
  { name: 'platform.prune-sessions', everySeconds: 600, run: ({ db }) => pruneSessions(db) },
  { name: 'platform.seal-audit', everySeconds: SEAL_EVERY_SECONDS, run: sealAudit },
]

export interface Jobs {
  /** Stops taking work, waits a bounded time for what runs, and closes the pool. */
  stop(): Promise<void>
}

export async function startJobs(services: Services, modules: readonly Module[]): Promise<Jobs> {
  const { log } = services
  const db = jobsDatabase(services)
  const background: Services = { ...services, db }
  const boss = bossOn(db)
  boss.on('error', (error) => log.error(reasonOf(error), 'jobs failed'))
  await boss.start()
  await boss.createQueue(DEAD_LETTER_QUEUE, { retryLimit: 0 })
  const reactions = modules.flatMap((module) => module.reactions)
  const wakers = new Map<string, () => void>()
  for (const reaction of reactions) {
    wakers.set(reaction.name, await workReaction(boss, background, reaction))
  }
  const recurring = [...platformJobs, ...modules.flatMap((module) => module.jobs)]
  const running = new Admission({
    runningMax: JOBS_RUNNING_MAX,
    waitingMax: recurring.length,
    waitMsMax: WORK_SECONDS_MAX * 1_000,
  })
  const timers: NodeJS.Timeout[] = []
  for (const job of recurring) timers.push(await recur(boss, background, job, running))
  const dispatcher = startDispatcher({ boss, services: background, reactions, wakers })
  return {
    stop: async () => {
      for (const timer of timers) clearInterval(timer)
      await dispatcher.stop()
      await boss.stop({ graceful: true, timeout: STOP_MS_MAX })
      await db.close()
    },
  }
}

/** Creates pg-boss's tables, or brings them to this release's version. */
export async function installJobs(db: Pick<Database, 'executeSql'>): Promise<void> {
  const boss = bossOn(db, { migrate: true })
  await boss.start()
  await boss.stop({ graceful: false })
}

export function bossOn(
  db: Pick<Database, 'executeSql'>,
  options: { migrate?: boolean } = {},
): PgBoss {
  return new PgBoss({
    db: { executeSql: (text, values) => db.executeSql(text, values) },
    migrate: options.migrate ?? false,
    schedule: false,
    supervise: options.migrate !== true,
    superviseIntervalSeconds: HEARTBEAT_SECONDS,
    monitorIntervalSeconds: HEARTBEAT_SECONDS,
    registerInstance: false,
    reindex: false,
  })
}

function jobsDatabase({ config, log }: Services): Database {
  return new Database(
    {
      url: config.DATABASE_URL,
      neonProxy: config.NEON_WS_PROXY,
      poolMax: JOBS_POOL_MAX,
      waitingMax: JOBS_WAITING_MAX,
      waitMsMax: JOBS_WAIT_MS_MAX,
      waits: JOBS_WAITS,
    },
    log,
  )
}

/** @returns what wakes its worker. */
async function workReaction(
  boss: PgBoss,
  services: Services,
  reaction: Reaction,
): Promise<() => void> {
  const { asksVendor = false } = reaction
  await boss.createQueue(reaction.name, {
    retryLimit: asksVendor ? VENDOR_RETRIES_MAX : RETRIES_MAX,
    retryDelay: 1,
    retryBackoff: true,
    retryDelayMax: RETRY_DELAY_SECONDS_MAX,
    expireInSeconds: WORK_SECONDS_MAX,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    deadLetter: DEAD_LETTER_QUEUE,
    deleteAfterSeconds: 3_600,
  })
  const worker = await boss.work<StoredEvent>(
    reaction.name,
    {
      batchSize: asksVendor ? VENDOR_BATCH_MAX : REACTION_BATCH_MAX,
      burstWhenBatchFull: true,
      pollingIntervalSeconds: POLL_SECONDS,
      perJobResults: true,
    },
    async (jobs) => {
      if (asksVendor) return await Promise.all(jobs.map((job) => settle(services, reaction, job)))
      const results: JobResult[] = []
      for (const job of jobs) results.push(await settle(services, reaction, job))
      return results
    },
  )
  return () => boss.notifyWorker(worker)
}

/** Runs a reaction for one event; one that fails is retried alone, not with its batch. */
async function settle(
  services: Services,
  reaction: Reaction,
  { id, data }: { id: string; data: StoredEvent },
): Promise<JobResult> {
  try {
    await reaction.run(services, data)
    return { id, status: 'completed' }
  } catch (error) {
    const output = told(services, error, { reaction: reaction.name, event: data.id })
    const status = error instanceof FinalFailure ? 'deadletter' : 'failed'
    return { id, status, output: { reason: output.message } }
  }
}

/**
 * Runs a job every `everySeconds` in whichever process is first: each asks for it in each period, and pg-boss keeps
 * one of a period. A lock that ends with its connection keeps a slow run and the next from overlapping.
 */
async function recur(
  boss: PgBoss,
  services: Services,
  job: Job,
  running: Admission,
): Promise<NodeJS.Timeout> {
  await boss.createQueue(job.name, {
    retryLimit: 0,
    expireInSeconds: WORK_SECONDS_MAX,
    // A finished run is what marks its period as taken.
    deleteAfterSeconds: 2 * job.everySeconds + 60,
  })
  const worker = await boss.work(
    job.name,
    { pollingIntervalSeconds: Math.max(POLL_SECONDS, job.everySeconds) },
    () =>
      running
        .run(() => runAlone(services, job))
        .catch((error: unknown) => {
          throw told(services, error, { job: job.name })
        }),
  )
  const ask = async () => {
    try {
      const id = await boss.send(job.name, null, { singletonSeconds: job.everySeconds })
      if (id !== null) boss.notifyWorker(worker)
    } catch (error) {
      told(services, error, { job: job.name })
    }
  }
  await ask()
  return setInterval(ask, job.everySeconds * 1_000)
}

async function runAlone(services: Services, job: Job): Promise<void> {
  const key = createHash('sha256').update(job.name).digest().readBigInt64BE()
  await services.db.inTransaction(async (tx) => {
    const lock = sql`select pg_try_advisory_xact_lock(${key.toString()}::bigint) as locked`
    const { rows } = await tx.query.execute<{ locked: boolean }>(lock)
    if (rows[0]?.locked) await job.run(services)
  })
}

interface Dispatching {
  boss: PgBoss
  services: Services
  reactions: readonly Reaction[]
  wakers: ReadonlyMap<string, () => void>
}

/** Looks at the outbox again and again: at once after a full batch, else after a pause. */
function startDispatcher({ boss, services, reactions, wakers }: Dispatching) {
  let stopped = false
  let wake = () => {}
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const loop = async () => {
    while (!stopped) {
      try {
        const { queues, full } = await dispatchEvents({ boss, db: services.db, reactions })
        for (const queue of queues) wakers.get(queue)?.()
        if (!full) await pause(DISPATCH_EVERY_MS)
      } catch (error) {
        told(services, error, { job: 'platform.dispatch' })
        await pause(DISPATCH_PAUSE_MS)
      }
    }
  }
  const looping = loop()
  return {
    stop: async () => {
      stopped = true
      wake()
      await looping
    },
  }
}

/** Logs a failure and returns the error that may be stored with the job. */
function told(services: Services, error: unknown, work: Record<string, string>): Error {
  const reason = reasonOf(error)
  services.log.warn({ ...work, ...reason }, 'background work failed')
  return new Error(`${reason.error} ${reason.code ?? reason.reason ?? ''}`.trim())
}
