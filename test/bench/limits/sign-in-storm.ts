/**
 * What a storm of sign-ins does to everybody else: the p99 of product reads while thousands sign in, to that of a calm
 * before and after. Some reads are answered by the edge, some by the database; the worse of the two counts.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { systemClock } from '../../../regional/platform/clock.ts'
import { PasswordHasher } from '../../../regional/platform/passwords.ts'
import { HEADERS } from '../../../shared/headers.ts'
import { owned, stopped } from '../child.ts'
import { shopperRequest, startEdge } from '../edge.ts'
import { exchange } from '../exchange.ts'
import type { Measured } from '../limits.ts'
import type { Plan } from '../measure.ts'
import { OpenLoop, p99Of } from '../open-loop.ts'
import { handleOf, LOCALE, MARKET, PRODUCTS } from '../shop.ts'
import { signedRequest } from '../signed-requests.ts'
import type { Stage } from '../stage.ts'
import { addressOf, type Crowd, type Outcome, signInRequest } from '../storm/crowd.ts'

const CROWD = fileURLToPath(new URL('../storm/crowd.ts', import.meta.url))
const READS_PER_SECOND = 200
const WARM_SECONDS = 3
const WARM_PEOPLE = 100
const PASSWORD_BYTES = 18
const DATABASE = 'storm'

export async function signInStorm(stage: Stage, plan: Plan): Promise<Measured> {
  const databaseUrl = await stage.clone(DATABASE)
  const password = randomBytes(PASSWORD_BYTES).toString('base64url')
  const emails = await openAccounts(databaseUrl, { count: plan.people + WARM_PEOPLE, password })
  const early = emails.splice(plan.people)
  // A shield that may hold nothing: each read that comes to the cell is the database's.
  const cell = await stage.startCell(DATABASE, { SHIELD_MIB_MAX: '0' })
  const edge = await startEdge(stage, { name: 'sign-in-storm', cell })
  const crowd = startCrowd()
  const reads = await steadyReads({ edgePort: edge.port, cellPort: cell.port })
  try {
    // As in a shop that has been open for a while.
    for (const [index, email] of early.entries()) {
      await signIn(edge.port, signInRequest({ email, password }, addressOf(plan.people + index)))
    }
    await delay(WARM_SECONDS * 1e3)
    reads.take()
    const before = await calm(reads, plan)
    const outcome = await storm(crowd, { port: edge.port, emails, password })
    const during = reads.take()
    const after = await calm(reads, plan)
    await assertSignedIn(databaseUrl, plan.people + WARM_PEOPLE)
    const quiet = { edge: [...before.edge, ...after.edge], cell: [...before.cell, ...after.cell] }
    return measuredOf(quiet, during, outcome)
  } finally {
    reads.close()
    await stopped(crowd)
    await edge.stop()
    await cell.stop()
  }
}

interface Latencies {
  /** In milliseconds, of reads that the edge answered from its memory. */
  readonly edge: readonly number[]
  /** Of those that the cell answered from its database. */
  readonly cell: readonly number[]
}

function measuredOf(quiet: Latencies, during: Latencies, outcome: Outcome): Measured {
  const p99 = {
    edgeCalmP99Ms: p99Of(quiet.edge),
    edgeStormP99Ms: p99Of(during.edge),
    cellCalmP99Ms: p99Of(quiet.cell),
    cellStormP99Ms: p99Of(during.cell),
  }
  const edgeRatio = p99.edgeStormP99Ms / p99.edgeCalmP99Ms
  const cellRatio = p99.cellStormP99Ms / p99.cellCalmP99Ms
  const notes = { edgeRatio, cellRatio, ...p99, ...outcome, reads: during.cell.length }
  return { value: Math.max(edgeRatio, cellRatio), notes: { ...notes } }
}

/** Everybody's hash is the same: it is what a password costs to compare that counts. */
async function openAccounts(
  databaseUrl: string,
  { count, password }: { count: number; password: string },
): Promise<string[]> {
  const hasher = new PasswordHasher({ clock: systemClock, threads: 1, waitMsMax: 60_000 })
  const hash = await hasher.hash(password)
  await hasher.close()
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query<{ email: string }>(
    `with opened as (
       insert into account (id, kind, email, email_verified)
       select 'cus_eu_' || replace(uuidv7()::text, '-', ''), 'customer',
         'storm-' || n || '@example.com', true
       from generate_series(1, $1::int) n returning id, email
     ), proved as (
       insert into credential (id, account_id, provider, subject, password)
       select uuidv7()::text, id, 'credential', id, $2 from opened
     )
     select email from opened`,
    [count, hash],
  )
  await client.query('vacuum analyze account, credential')
  await client.end()
  return rows.map(({ email }) => email)
}

async function signIn(port: number, request: Buffer): Promise<void> {
  const { status, body } = await exchange(port, request)
  if (status !== 200) throw new Error(`a sign-in is answered ${status}: ${body}`)
}

function startCrowd(): ChildProcess {
  return owned(fork(CROWD, [], { serialization: 'advanced' }))
}

async function storm(crowd: ChildProcess, who: Crowd): Promise<Outcome> {
  const ended = once(crowd, 'message')
  crowd.send(who)
  const [outcome] = (await ended) as [Outcome | string]
  if (typeof outcome === 'string') throw new Error(outcome)
  return outcome
}

async function steadyReads({ edgePort, cellPort }: { edgePort: number; cellPort: number }) {
  const host = `127.0.0.1:${cellPort}`
  let asked = 0
  const nextPath = () => {
    asked += 1
    return `/v1/products/${handleOf(asked % PRODUCTS)}?locale=${LOCALE}&market=${MARKET}`
  }
  const toCell = (headers: Record<string, string>) =>
    signedRequest({ method: 'GET', path: nextPath(), host, headers })
  // An edge names the least state it accepts, with every read.
  const stamp = (await exchange(cellPort, toCell({}))).headers[HEADERS.stamp]!
  const request = () => toCell({ [HEADERS.minimum]: stamp })
  const cell = new OpenLoop({ port: cellPort, perSecond: READS_PER_SECOND, request })
  const edge = new OpenLoop({
    port: edgePort,
    perSecond: READS_PER_SECOND,
    request: () => shopperRequest(nextPath()),
  })
  return {
    take: (): Latencies => ({ edge: edge.take(), cell: cell.take() }),
    close: () => {
      edge.close()
      cell.close()
    },
  }
}

async function calm(reads: { take(): Latencies }, plan: Plan): Promise<Latencies> {
  await delay(plan.turns * plan.secondsPerTurn * 1e3)
  return reads.take()
}

async function assertSignedIn(databaseUrl: string, people: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query<{ people: number }>(
    `select count(distinct account_id)::int as people
     from session join account on account.id = account_id`,
  )
  await client.end()
  const [found] = rows
  if (found!.people !== people)
    throw new Error(`of ${people} people ${found!.people} are signed in`)
}
