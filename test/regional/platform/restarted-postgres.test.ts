/** A Postgres that ends connections, or is restarted, under a running cell. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../../regional/platform/clock.ts'
import { type RunningPostgres, startPostgres } from '../../../scripts/support/embedded-postgres.ts'
import { freePort } from '../../../scripts/support/ports.ts'
import { parsePosition } from '../../../shared/freshness/position.ts'
import { migrateForCells } from '../../support/app-login.ts'
import { type CellCall, requestOf, startTestCell } from '../../support/cell.ts'
import { type CellProcess, startCellProcess } from '../../support/cell-process.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { type OpenedCart, openCart, openShop, orderBody } from '../../support/shop.ts'

const BUYERS = 20
/** More than a buyer asks in the time that a restart takes. */
const TRIES_MAX = 10_000

const folder = mkdtempSync(join(tmpdir(), 'tradewind-restart-'))
let postgres: RunningPostgres
let restart: () => Promise<void>
let url: string
let carts: OpenedCart[]
let cell: CellProcess

beforeAll(async () => {
  // Started as root, Postgres runs as a user of its own, who must be able to reach its data.
  chmodSync(folder, 0o755)
  const flags = ['-c', 'fsync=off']
  const options = { folder: join(folder, 'data'), port: await freePort(), flags }
  postgres = await startPostgres(options)
  restart = async () => {
    postgres = await startPostgres(options)
  }
  await postgres.createDatabase('shop')
  url = postgres.urlOf('shop')
  await migrateForCells(url)
  const shop = await startTestCell({ url })
  await openShop(shop, [{ sku: 'MUG', available: 1_000 }])
  const opening = Array.from({ length: BUYERS }, () =>
    openCart(shop, [{ sku: 'MUG', quantity: 1 }]),
  )
  carts = await Promise.all(opening)
  // Shown by the first change of it.
  await shop.call('put', '/v1/staff/variants/MUG/prices', {
    token: await accessToken(),
    body: { prices: { EUR: 1_000 } },
  })
  await shop.close()
  cell = await startCellProcess(url, {
    PAYMENT_RECONCILE_AFTER_MS: '2000',
    SHIELD_MIB_MAX: '0',
  })
})
afterAll(async () => {
  await cell.end('SIGKILL')
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function call(method: string, path: string, options: CellCall = {}): Promise<Response> {
  return await fetch(cell.url + path, requestOf(method, path, options, systemClock))
}

async function historyShown(): Promise<string | undefined> {
  const { headers } = await call('get', '/v1/products/mug')
  return parsePosition(headers.get('tradewind-stamp'), 'catalogue')?.history
}

test('a cell outlives the end of a connection that was idle in a transaction', async () => {
  const blocker = new pg.Client({ connectionString: url })
  await blocker.connect()
  // The job that looks for due payments waits here, and its lock's own connection waits for it.
  await blocker.query('begin; lock table payment in access exclusive mode')
  const end = `select pg_terminate_backend(pid) as ended from pg_stat_activity
    where datname = current_database() and state = 'idle in transaction'
      and query like '%pg_try_advisory_xact_lock%' and pid <> pg_backend_pid()`
  await expect.poll(() => queryRows(url, end), { timeout: 15_000 }).toEqual([{ ended: true }])
  await blocker.end()
  expect((await call('get', '/v1/products/mug')).status).toBe(200)
  expect(cell.process.exitCode).toBeNull()
})

test('a cell outlives a restart of its Postgres: all is refused as unavailable, and then works again', async () => {
  const token = await accessToken()
  const history = await historyShown()
  const outcomes = new Set<string>()
  const outcomeOf = async (response: Response) => {
    const { code = 'ok' } = (await response.json()) as { code?: string }
    outcomes.add(`${response.status} ${code}`)
    return response.status
  }
  const buy = async ({ id, secret, cart }: OpenedCart) => {
    for (let n = 0; n < TRIES_MAX; n += 1) {
      const order = { cartSecret: secret, idempotencyKey: `key-of-${id}`, body: orderBody(cart) }
      const status = await outcomeOf(await call('post', `/v1/carts/${id}/order`, order))
      // Undone: what was agreed before the restart and not charged.
      if (status === 201 || status === 402) return
      const body = { prices: { USD: n } }
      await outcomeOf(await call('put', '/v1/staff/variants/MUG/prices', { token, body }))
      await outcomeOf(await call('get', '/v1/products/mug'))
    }
  }

  const buying = carts.map(buy)
  await postgres.stop()
  await expect.poll(() => outcomes.has('503 cell.unavailable')).toBe(true)
  await restart()
  await Promise.all(buying)

  expect(cell.process.exitCode).toBeNull()
  const expected = [
    '200 ok',
    '201 ok',
    '402 payment.declined',
    '409 idempotency.running',
    '503 cell.unavailable',
  ]
  expect([...outcomes].filter((outcome) => !expected.includes(outcome))).toEqual([])
  expect(await historyShown()).not.toBe(history)
  const wrong = `select placed.id from "order" placed
    join payment on payment.order_id = placed.id
    left join test_provider_charge charge on charge.key = payment.id
    where (placed.state = 'confirmed') <> (charge.outcome is not distinct from 'captured')
      or placed.state = 'payment_pending'`
  expect(await queryRows(url, wrong)).toEqual([])

  // The jobs found it again too: this one shows what stock has become.
  await call('put', '/v1/staff/stock/MUG', { token, body: { available: 0 } })
  const shown = async () => await (await call('get', '/v1/products/mug')).text()
  await expect.poll(shown, { timeout: 15_000 }).toContain('out_of_stock')
}, 90_000)
