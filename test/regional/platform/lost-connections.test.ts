/** Connections that end, or fall silent, at the worst moment: between two statements of a transaction, or at its start. */
import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Database } from '../../../regional/platform/database.ts'
import { codeOf, databaseProblem } from '../../../regional/platform/database-errors.ts'
import { createLog } from '../../../regional/platform/log.ts'
import { startTestCell } from '../../support/cell.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { type NeonBridge, startNeonBridge } from '../../support/neon-bridge.ts'
import { startRelay } from '../../support/relay.ts'
import {
  ledgerFaults,
  openCart,
  openShop,
  order,
  orderOf,
  reconcile,
  unitsOf,
} from '../../support/shop.ts'

const log = createLog({ level: 'silent', cell: 'eu' })
const limits = { poolMax: 2, waitingMax: 100, waitMsMax: 5_000 }
const one = sql`select 1 as one`

let url: string
let db: Database

const open = `from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
const endAll = () => queryRows(url, `select pg_terminate_backend(pid) ${open}`)
const allGone = () =>
  expect
    .poll(() => queryRows(url, `select pid ${open} and state like 'idle in transaction%'`))
    .toEqual([])

/** What a caller would be told of a failure. */
async function told(work: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await work.then(
    () => new Error('it went well'),
    (reason: unknown) => reason,
  )
  return databaseProblem(error as Error)?.code
}

async function expectServing(): Promise<void> {
  const all = Array.from({ length: limits.poolMax + 1 }, () =>
    db.inTransaction((tx) => tx.query.execute(one)),
  )
  for (const { value } of await Promise.all(all)) expect(value.rows).toEqual([{ one: 1 }])
}

describe.each(['pg', 'neon'])('through %s', (driver) => {
  let bridge: NeonBridge | undefined

  beforeEach(async () => {
    url = await cloneDatabase()
    bridge = driver === 'neon' ? await startNeonBridge() : undefined
    db = new Database({ url, ...limits, neonProxy: bridge?.proxy }, log)
  })
  afterEach(async () => {
    await db.close()
    await bridge?.close()
  })

  test('a transaction that loses its connection between two statements fails alone', async () => {
    for (let round = 0; round <= limits.poolMax; round += 1) {
      const lost = db.inTransaction(async (tx) => {
        await tx.query.execute(one)
        await endAll()
        await allGone()
        await tx.query.execute(one)
      })
      expect(await told(lost)).toBe('cell.unavailable')
    }
    await expectServing()
  })

  test('a transaction that cannot begin gives its place back', async () => {
    for (let round = 0; round <= limits.poolMax; round += 1) {
      await expectServing()
      const ended = endAll()
      const begun = Array.from({ length: 8 }, () => db.inTransaction((tx) => tx.query.execute(one)))
      await Promise.allSettled([ended, ...begun])
    }
    await expectServing()
  })

  test('a commit whose answer is lost is told as unavailable, not as a bug', async () => {
    const lost = db.inTransaction(async (tx) => {
      await tx.query.execute(sql`
        create temporary table doomed (id int, constraint doomed_id unique (id) deferrable initially deferred)`)
      await endAll()
      await allGone()
    })
    expect(await told(lost)).toBe('cell.unavailable')
    await expectServing()
  })

  test('what fails first is what is thrown, though the roll-back fails after it', async () => {
    const refused = db.inTransaction(async () => {
      await endAll()
      await allGone()
      throw new Error('spilt')
    })
    await expect(refused).rejects.toThrow('spilt')
  })

  test('a transaction in which a failure was ignored is not said to be committed', async () => {
    const ignored = db.inTransaction(async (tx) => {
      await tx.query.execute(sql`select 1 / 0`).catch(() => null)
    })
    await expect(ignored).rejects.toThrow('a failed transaction was to be committed')
    await expectServing()
  })

  test('a connection may wait for a lock, run, and be idle in a transaction only so long', async () => {
    const waits = {
      statementMsMax: 300,
      lockMsMax: 100,
      idleInTransactionMsMax: 200,
      silenceMs: 5_000,
    }
    const hasty = new Database({ url, ...limits, neonProxy: bridge?.proxy, waits }, log)
    const slow = hasty.inTransaction((tx) => tx.query.execute(sql`select pg_sleep(60)`))
    expect(codeOf(await slow.catch((error: unknown) => error))).toBe('57014')
    expect(await told(slow)).toBe('cell.overloaded')

    const locked = sql`select pg_advisory_xact_lock(1)`
    const held = hasty.inTransaction(async (tx) => {
      await tx.query.execute(locked)
      const waiting = hasty.inTransaction((other) => other.query.execute(locked))
      expect(codeOf(await waiting.catch((error: unknown) => error))).toBe('55P03')
      expect(await told(waiting)).toBe('cell.overloaded')
      await allGone()
      await tx.query.execute(one)
    })
    expect(await told(held)).toBe('cell.unavailable')
    await hasty.close()
  })
})

test('a transaction that loses a deadlock runs again, and both are done', async () => {
  url = await cloneDatabase()
  db = new Database({ url, ...limits }, log)
  let arrived = 0
  let open: () => void
  const both = new Promise<void>((resolve) => {
    open = resolve
  })
  const crossing = (first: number, second: number) =>
    db.inTransaction(async (tx) => {
      await tx.query.execute(sql`select pg_advisory_xact_lock(${first})`)
      arrived += 1
      if (arrived === 2) open()
      await both
      await tx.query.execute(sql`select pg_advisory_xact_lock(${second})`)
      tx.audit({ actor: 'a', action: 'crossed', subject: String(first), requestId: 'r' })
    })
  await Promise.all([crossing(1, 2), crossing(2, 1)])
  expect(arrived).toBe(3)
  const audits = await queryRows(url, 'select subject from audit order by subject')
  expect(audits).toEqual([{ subject: '1' }, { subject: '2' }])
  await db.close()
})

test('a Postgres that vanishes without a word is given up, and found again', async () => {
  url = await cloneDatabase()
  const relay = await startRelay(url)
  const waits = { statementMsMax: 100, lockMsMax: 100, idleInTransactionMsMax: 100, silenceMs: 100 }
  db = new Database({ url: relay.url, ...limits, waits }, log)
  await expectServing()
  relay.silence()
  expect(await told(db.inTransaction((tx) => tx.query.execute(one)))).toBe('cell.unavailable')
  relay.restore()
  await expectServing()
  await db.close()
  await relay.close()
})

describe('a commit whose answer is lost', () => {
  const later = { now: () => new Date(Date.now() + 60_000) }

  test('of lines added: the repeat with the same key is given the first answer', async () => {
    url = await cloneDatabase()
    const relay = await startRelay(url)
    const cell = await startTestCell({ url: relay.url })
    await openShop(cell, [{ sku: 'MUG' }])
    const { id, secret } = await openCart(cell, [{ sku: 'MUG', quantity: 1 }])
    const add = () =>
      cell.call('post', `/v1/carts/${id}/lines`, {
        cartSecret: secret,
        idempotencyKey: 'key-of-the-lines',
        body: { lines: [{ sku: 'MUG', quantity: 2 }] },
      })
    relay.loseAnswerTo('commit')
    const lost = await add()
    expect(lost.status).toBe(503)
    expect(lost.headers.get('retry-after')).toBe('1')
    const repeated = await add()
    expect(repeated.status).toBe(200)
    expect(await repeated.json()).toMatchObject({ lines: [{ sku: 'MUG', quantity: 3 }] })
    await cell.close()
    await relay.close()
  })

  test('of an order agreed: nothing is charged, the stock goes back, and a new key buys', async () => {
    url = await cloneDatabase()
    const relay = await startRelay(url)
    const cell = await startTestCell({ url: relay.url, clock: later })
    await openShop(cell, [{ sku: 'MUG', available: 5 }])
    const cart = await openCart(cell, [{ sku: 'MUG', quantity: 2 }])
    const idempotencyKey = 'key-of-the-order'
    relay.loseAnswerTo('commit')
    expect((await order(cell, cart, { idempotencyKey })).status).toBe(503)
    expect((await order(cell, cart, { idempotencyKey })).status).toBe(409)
    expect(await unitsOf(cell, 'MUG')).toBe(3)
    const after = await startTestCell({
      url,
      clock: { now: () => new Date(later.now().getTime() + 60_000) },
    })
    await reconcile(after)
    expect((await order(cell, cart, { idempotencyKey })).status).toBe(402)
    expect(await unitsOf(cell, 'MUG')).toBe(5)
    expect((await orderOf(await order(cell, cart))).state).toBe('confirmed')
    expect(await unitsOf(cell, 'MUG')).toBe(3)
    expect(await ledgerFaults(cell)).toEqual([])
    const charged = `select count(*)::int as n from test_provider_charge where outcome = 'captured'`
    expect(await queryRows(url, charged)).toEqual([{ n: 1 }])
    await after.close()
    await cell.close()
    await relay.close()
  })

  test('of a payment settled: the repeat is given the order, charged once', async () => {
    url = await cloneDatabase()
    const relay = await startRelay(url)
    const cell = await startTestCell({ url: relay.url, clock: later })
    await openShop(cell, [{ sku: 'MUG', available: 5 }])
    const cart = await openCart(cell, [{ sku: 'MUG', quantity: 2 }])
    const idempotencyKey = 'key-of-the-order'
    relay.loseAnswerTo('order_settle')
    expect((await order(cell, cart, { idempotencyKey })).status).toBe(503)
    const repeated = await order(cell, cart, { idempotencyKey })
    expect(repeated.status).toBe(201)
    expect((await orderOf(repeated)).state).toBe('confirmed')
    const charged = `select count(*)::int as n from test_provider_charge where outcome = 'captured'`
    expect(await queryRows(url, charged)).toEqual([{ n: 1 }])
    await cell.close()
    await relay.close()
  })
})
