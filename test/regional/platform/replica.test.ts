/** A real streaming replica under a cell: used for cached reads as far as it has come, and never believed beyond. */
import { connect, createServer } from 'node:net'
import { sql } from 'drizzle-orm'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Database } from '../../../regional/platform/database.ts'
import { currentStamp, type StampRow, stampColumns } from '../../../regional/platform/feed.ts'
import { SnapshotReads } from '../../../regional/platform/snapshots.ts'
import { statement } from '../../../regional/platform/statement.ts'
import { parsePosition } from '../../../shared/freshness/position.ts'
import { asApp } from '../../support/app-login.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { type OwnPostgres, startOwnPostgres } from '../../support/own-postgres.ts'
import { startRelay } from '../../support/relay.ts'
import { type Replica, startReplica } from '../../support/replica.ts'
import { openShop } from '../../support/shop.ts'

const PATH = '/v1/products/mug'
/** What reading the product costs the primary, by a name in the statement's text. */
const DOCUMENT = 'product_document'

let primary: OwnPostgres
let replica: Replica
let url: string
let cell: TestCell
let statements: string[]
let token: string
let price = 1_000

beforeAll(async () => {
  // Commits wait for a standby that does not exist, where a session asks for that.
  const flags = ['synchronous_standby_names=nobody', 'synchronous_commit=local']
  primary = await startOwnPostgres(flags)
  url = await primary.migratedDatabase('shop')
  const shop = await startTestCell({ url })
  await openShop(shop, [{ sku: 'MUG' }])
  await shop.close()
  token = await accessToken()
  replica = await startReplica(primary, ['-c', 'max_standby_streaming_delay=0'])
})
afterAll(async () => {
  await replica.stop()
  await primary.close()
})

beforeEach(async () => {
  cell = await startCell(replica.urlOf('shop'))
})
afterEach(() => cell.close())

/** A cell whose shield keeps nothing, so that every read is made in a database. */
async function startCell(replicaUrl: string): Promise<TestCell> {
  statements = []
  return await startTestCell({
    url,
    config: { DATABASE_REPLICA_URL: asApp(replicaUrl) },
    onStatement: (text) => statements.push(text),
  })
}

const counters = () => cell.services.shield.health.snapshots
const documentsAtPrimary = () => statements.filter((text) => text.includes(DOCUMENT)).length

/** What the product costs, and the state in which it was read. */
async function read(minimum?: string, locale = 'de') {
  const headers = minimum === undefined ? {} : { 'tradewind-minimum': minimum }
  const response = await cell.call('get', PATH, { headers, locale })
  expect(response.status, await response.clone().text()).toBe(200)
  const { variants } = (await response.json()) as {
    variants: [{ price: { amountMinor: number } }]
  }
  const stamp = parsePosition(response.headers.get('tradewind-stamp'), 'catalogue')!
  return { amountMinor: variants[0].price.amountMinor, stamp }
}

/** A new price: what it is, and the position of the write. */
async function change(writer = cell) {
  price += 1
  const amountMinor = price
  const body = { prices: { EUR: amountMinor } }
  const response = await writer.call('put', '/v1/staff/variants/MUG/prices', { token, body })
  expect(response.status, await response.clone().text()).toBe(200)
  return { amountMinor, position: response.headers.get('tradewind-position')! }
}

/** Reads until one of them was the replica's. */
async function readUntilReplica(minimum?: string) {
  const before = counters().replica
  let shown = await read(minimum)
  await expect
    .poll(
      async () => {
        shown = await read(minimum)
        return counters().replica
      },
      { timeout: 10_000 },
    )
    .toBeGreaterThan(before)
  return shown
}

test('reads are the replica’s as soon as it has reached what was asked for, and cost the primary nothing', async () => {
  const { amountMinor, position } = await change()
  await replica.catchUp()
  await readUntilReplica(position)
  const before = { documents: documentsAtPrimary(), reads: counters().replica }
  for (let reads = 0; reads < 20; reads += 1) {
    expect((await read(position)).amountMinor).toBe(amountMinor)
  }
  expect(counters().replica).toBe(before.reads + 20)
  expect(documentsAtPrimary()).toBe(before.documents)
})

test('a replica that lags is not believed, and serves again when it has caught up', async () => {
  await change()
  await replica.catchUp()
  await readUntilReplica()
  await replica.pause()
  try {
    const { amountMinor, position } = await change()
    const before = { documents: documentsAtPrimary(), reads: counters().replica }
    for (let reads = 1; reads <= 5; reads += 1) {
      expect((await read(position)).amountMinor).toBe(amountMinor)
      expect(documentsAtPrimary()).toBe(before.documents + reads)
    }
    expect(counters().replica).toBe(before.reads)
    const batch = await cell.call('get', '/internal/feed?feed=catalogue')
    const { to } = (await batch.json()) as { to: number }
    expect(to, 'the feed is the primary’s').toBe(parsePosition(position, 'catalogue')!.n)
  } finally {
    await replica.resume()
  }
  await replica.catchUp()
  expect((await readUntilReplica()).amountMinor).toBe(price)
})

test('a change that the replica shows before the primary does is shown to nobody', async () => {
  const before = await change()
  await replica.catchUp()
  await readUntilReplica(before.position)
  const patient = new URL(url)
  patient.searchParams.set('options', '-c synchronous_commit=on')
  const writer = await startTestCell({ url: patient.toString() })
  const known = parsePosition(before.position, 'catalogue')!
  const written = change(writer)
  try {
    await expect.poll(() => clockOf(replica.urlOf('shop'))).toBe(known.n + 1)
    expect(await clockOf(url)).toBe(known.n)
    for (let reads = 0; reads < 5; reads += 1) {
      expect(await read()).toEqual({ amountMinor: before.amountMinor, stamp: known })
    }
    expect(counters().replicaAhead).toBeGreaterThan(0)
  } finally {
    const waiting = `select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`
    await queryRows(url, waiting)
    await written
    await writer.close()
  }
  const { amountMinor, position } = await written
  expect((await readUntilReplica(position)).amountMinor).toBe(amountMinor)
})

async function clockOf(of: string): Promise<number> {
  const text = `select n from feed_clock where feed = 'catalogue'`
  return (await queryRows<{ n: number }>(of, text))[0]!.n
}

test('a replica that is killed is passed over without a wait, and used again when it is back', async () => {
  await change()
  await replica.catchUp()
  await readUntilReplica()
  await replica.kill()
  try {
    const took: number[] = []
    for (let reads = 0; reads < 50; reads += 1) {
      const startedAtMs = performance.now()
      expect((await read()).amountMinor).toBe(price)
      took.push(performance.now() - startedAtMs)
    }
    expect(counters().replicaFailures).toBeGreaterThan(0)
    expect(Math.max(...took)).toBeLessThan(500)
    const { amountMinor, position } = await change()
    expect((await read(position)).amountMinor).toBe(amountMinor)
  } finally {
    await replica.start()
  }
  await replica.catchUp()
  expect((await readUntilReplica()).amountMinor).toBe(price)
})

test('a replica that falls silent makes those wait who asked it then, and nobody after', async () => {
  await replica.catchUp()
  const relay = await startRelay(replica.urlOf('shop'))
  await cell.close()
  cell = await startCell(relay.url)
  await readUntilReplica()
  relay.silence()
  expect((await read()).amountMinor).toBe(price)
  const took: number[] = []
  const untilMs = performance.now() + 3_000
  while (performance.now() < untilMs) {
    const startedAtMs = performance.now()
    expect((await read()).amountMinor).toBe(price)
    took.push(performance.now() - startedAtMs)
  }
  expect(Math.max(...took)).toBeLessThan(500)
  relay.restore()
  await readUntilReplica()
  await relay.close()
})

test('replicas behind one address may differ: each answer is judged by what it says itself', async () => {
  const lagging = await startReplica(primary)
  await lagging.pause()
  const { position, amountMinor } = await change()
  await replica.catchUp()
  let turn = 0
  const balancer = createServer((near) => {
    turn += 1
    const behind = turn % 2 === 0 ? lagging : replica
    const far = connect(Number(new URL(behind.urlOf('shop')).port), '127.0.0.1')
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve))
  const balanced = new URL(replica.urlOf('shop'))
  balanced.port = String((balancer.address() as { port: number }).port)
  await cell.close()
  cell = await startCell(balanced.toString())
  await readUntilReplica(position)
  // At once, so that they are made on several connections; each with a suggestion of its own, so that none joins another.
  for (let round = 0; round < 10; round += 1) {
    const asked = Array.from({ length: 8 }, (_, index) => read(position, `de-A${index}`))
    for (const shown of await Promise.all(asked)) expect(shown.amountMinor).toBe(amountMinor)
  }
  expect(counters().replica).toBeGreaterThan(1)
  expect(counters().replicaBehind).toBeGreaterThan(0)
  balancer.close()
  await lagging.stop()
})

test('a statement that replay cancels on the replica is made on the primary', async () => {
  await replica.catchUp()
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) })
  const limits = { poolMax: 2, waitingMax: 10, waitMsMax: 1_000 }
  const near = new Database({ url: replica.urlOf('shop'), ...limits }, log)
  const db = new Database({ url, ...limits }, log)
  const reads = new SnapshotReads({ primary: db, replica: near, log })
  const snapshots = reads.atLeast(await currentStamp(db))
  const slow = statement<Record<string, never>, StampRow & { replica: boolean }>(
    'test_slow_on_replica',
    sql`select ${stampColumns}, pg_is_in_recovery() as replica,
      case when pg_is_in_recovery() then pg_sleep(30)::text end as slept
      from feed_clock clock where clock.feed = 'catalogue'`,
  )
  const quick = statement<Record<string, never>, StampRow & { replica: boolean }>(
    'test_quick',
    sql`select ${stampColumns}, pg_is_in_recovery() as replica
      from feed_clock clock where clock.feed = 'catalogue'`,
  )
  await expect.poll(async () => (await snapshots.row(quick, {})).replica).toBe(true)
  const reading = snapshots.row(slow, {})
  const running = `select 1 from pg_stat_activity where wait_event = 'PgSleep'`
  await expect.poll(() => queryRows(replica.urlOf('shop'), running)).toHaveLength(1)
  await queryRows(url, 'begin; lock table feed_clock in access exclusive mode; commit')
  expect((await reading).replica).toBe(false)
  expect(lines.map((line) => JSON.parse(line) as { code: string })).toMatchObject([
    { code: '40001' },
  ])
  await Promise.all([near.close(), db.close()])
})

describe('a replica of an older history', () => {
  test('is not used after the primary was restarted, until the new one has reached it', async () => {
    await change()
    await replica.catchUp()
    const before = await readUntilReplica()
    await replica.pause()
    try {
      await primary.stop()
      await primary.start()
      const history = async () => (await read()).stamp.history
      await expect.poll(history, { timeout: 10_000 }).not.toBe(before.stamp.history)
      const reads = counters().replica
      const after = await read()
      expect(after.stamp.n, 'the number alone would do').toBe(before.stamp.n)
      for (let n = 0; n < 5; n += 1) expect(await read()).toEqual(after)
      expect(counters().replica).toBe(reads)
    } finally {
      await replica.resume()
    }
    await replica.catchUp()
    await readUntilReplica()
  })

  test('is not used when the primary was restored from an older copy, however far ahead it is', async () => {
    const older = await change()
    await primary.stop()
    primary.save()
    await primary.start()
    await change()
    await change()
    await replica.catchUp()
    const ahead = await readUntilReplica()
    await primary.stop()
    primary.restore()
    await primary.start()

    const shown = async () => (await read()).amountMinor
    await expect.poll(shown, { timeout: 10_000 }).toBe(older.amountMinor)
    const reads = counters().replica
    const restored = await read()
    expect(restored.stamp.n).toBeLessThan(ahead.stamp.n)
    expect(restored.stamp.history).not.toBe(ahead.stamp.history)
    const { amountMinor, position } = await change()
    expect((await read(position)).amountMinor).toBe(amountMinor)
    expect(counters().replica).toBe(reads)
  })
})
