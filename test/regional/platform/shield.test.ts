/** The cell's shield: answers from memory that are never behind who asks, and reads made once for all who wait. */
import { sql } from 'drizzle-orm'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { modules } from '../../../regional/modules/index.ts'
import { systemClock } from '../../../regional/platform/clock.ts'
import type { Module, Snapshot } from '../../../regional/platform/implement.ts'
import { parsePosition } from '../../../shared/freshness/position.ts'
import { requestOf, startTestCell, type TestCell } from '../../support/cell.ts'
import { startCellProcess } from '../../support/cell-process.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { startRelay } from '../../support/relay.ts'
import { openShop, problemOf } from '../../support/shop.ts'

const PATH = '/v1/products/mug'
const MEBIBYTE = 1_048_576
let url: string
let token: string
let cell: TestCell
let other: TestCell
let statements: string[]
let price = 1_000

beforeAll(async () => {
  url = await cloneDatabase()
  token = await accessToken()
  const shop = await startTestCell({ url })
  await openShop(shop, [{ sku: 'MUG' }, { sku: 'NEW', status: 'draft' }])
  await shop.close()
})

beforeEach(async () => {
  cell = await startShielded()
  other = await startTestCell({ url, config: { SHIELD_MIB_MAX: '8' } })
})
afterEach(async () => {
  await cell.close()
  await other.close()
})

async function startShielded(
  options: { config?: Record<string, string>; modules?: readonly Module[]; url?: string } = {},
): Promise<TestCell> {
  statements = []
  const config = { SHIELD_MIB_MAX: '8', ...options.config }
  return await startTestCell({
    url,
    ...options,
    config,
    onStatement: (text) => statements.push(text),
  })
}

interface Asking {
  minimum?: string
  etag?: string
  path?: string
}

async function ask(asking: Asking = {}, of = cell): Promise<Response> {
  const { minimum, etag, path = PATH } = asking
  const headers: Record<string, string> = {}
  if (minimum !== undefined) headers['tradewind-minimum'] = minimum
  if (etag !== undefined) headers['if-none-match'] = etag
  return await of.call('get', path, { headers })
}

async function priceIn(response: Response): Promise<number> {
  expect(response.status, await response.clone().text()).toBe(200)
  const { variants } = (await response.json()) as { variants: [{ price: { amountMinor: number } }] }
  return variants[0].price.amountMinor
}

/** A new price, written through one of the cells: what it is, and the position of the write. */
async function change(through = cell) {
  price += 1
  const amountMinor = price
  const body = { prices: { EUR: amountMinor } }
  const response = await through.call('put', '/v1/staff/variants/MUG/prices', { token, body })
  expect(response.status, await response.clone().text()).toBe(200)
  return { amountMinor, position: response.headers.get('tradewind-position')! }
}

/** Forgets what was counted so far. */
function countAnew(): void {
  statements.length = 0
}

const documentsRead = () => statements.filter((text) => text.includes('product_document')).length
const stampOf = (response: Response) =>
  parsePosition(response.headers.get('tradewind-stamp'), 'catalogue')!

test('what is in memory is answered without a statement, with the same bytes', async () => {
  const { position, amountMinor } = await change()
  const first = await ask({ minimum: position })
  expect(first.headers.get('cache-status')).toBe('tradewind-cell; fwd=miss')
  const text = await first.clone().text()
  expect(await priceIn(first)).toBe(amountMinor)
  countAnew()
  const second = await ask({ minimum: position })
  expect(second.headers.get('cache-status')).toBe('tradewind-cell; hit')
  expect(await second.text()).toBe(text)
  expect(statements).toEqual([])
})

test.each(['the same process', 'another process'])(
  'a change made through %s is seen by whoever names it, at once',
  async (name) => {
    const writer = name === 'the same process' ? cell : other
    await ask()
    for (let changes = 0; changes < 5; changes += 1) {
      const { amountMinor, position } = await change(writer)
      for (const reader of [cell, other]) {
        const answer = await ask({ minimum: position }, reader)
        expect(stampOf(answer).n).toBeGreaterThanOrEqual(parsePosition(position, 'catalogue')!.n)
        expect(await priceIn(answer)).toBe(amountMinor)
      }
    }
  },
)

test('a thousand who ask at once for what just changed cost one document and at most two polls', async () => {
  await ask()
  const { amountMinor, position } = await change(other)
  countAnew()
  const asked = Array.from({ length: 1_000 }, () => ask({ minimum: position }))
  for (const answer of await Promise.all(asked)) expect(await priceIn(answer)).toBe(amountMinor)
  expect(documentsRead()).toBe(1)
  expect(statements.length).toBeLessThanOrEqual(3)
  const { reads } = cell.services.shield.health
  expect(reads.collapsed + reads.memoryHits).toBeGreaterThanOrEqual(999)
})

test('processes whose shields are of different age never answer with less than was asked for', async () => {
  await ask({}, other)
  let newest = await change()
  for (let turn = 0; turn < 40; turn += 1) {
    if (turn % 3 === 0) newest = await change(turn % 2 === 0 ? cell : other)
    const reader = turn % 2 === 0 ? other : cell
    const answer = await ask({ minimum: newest.position }, reader)
    expect(await priceIn(answer)).toBe(newest.amountMinor)
  }
})

describe('a minimum', () => {
  test.each<[name: string, minimum: (position: string) => string]>([
    ['of the future', (position) => position.replace(/\d+/, '900000000')],
    ['of another history', () => 'catalogue=1;h=hother'],
    ['of another feed', () => 'cell=900000000;h=hother'],
    ['that is malformed', () => 'catalogue=-1;h=;;"'],
    ['beyond any number', (position) => position.replace(/\d+/, '9'.repeat(15))],
    ['that is enormous', () => `catalogue=${'9'.repeat(4_000)};h=h`],
  ])('%s gets the newest answer that there is, and costs no error', async (name, minimum) => {
    await ask()
    const { amountMinor, position } = await change(other)
    const isIgnored = name.includes('feed') || name.includes('malformed') || name.includes('enorm')
    // What says nothing asks for nothing: it is answered as without one.
    if (isIgnored) await ask({ minimum: position })
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await ask({ minimum: minimum(position) })
      expect(stampOf(answer)).toEqual(parsePosition(position, 'catalogue'))
      expect(await priceIn(answer)).toBe(amountMinor)
    }
    expect(cell.services.shield.health.reads.unavailable).toBe(0)
  })
})

describe('an answer that somebody has already', () => {
  test('is a 304 with stamp and tags, from memory or not, and a new one is whole', async () => {
    const { position } = await change()
    const first = await ask({ minimum: position })
    const etag = first.headers.get('etag')!
    countAnew()
    const renewed = await ask({ minimum: position, etag })
    expect(renewed.status).toBe(304)
    expect(await renewed.text()).toBe('')
    for (const name of ['etag', 'tradewind-stamp', 'tradewind-tags']) {
      expect(renewed.headers.get(name), name).toBe(first.headers.get(name))
    }
    expect(statements).toEqual([])
    expect((await ask({ etag }, await startedAnew())).status).toBe(304)
    const { position: later } = await change()
    const changed = await ask({ minimum: later, etag })
    expect(changed.status).toBe(200)
    expect(changed.headers.get('etag')).not.toBe(etag)
  })

  test('keeps its bytes in memory when a change left them alone', async () => {
    const { position } = await change()
    const first = await ask({ minimum: position })
    const body = { prices: { USD: price } }
    const touched = await other.call('put', '/v1/staff/variants/MUG/prices', { token, body })
    const again = await ask({ minimum: touched.headers.get('tradewind-position')! })
    expect(again.headers.get('etag')).toBe(first.headers.get('etag'))
    expect(cell.services.shield.health.reads.renewals).toBe(1)
  })
})

/** The first cell again, which knows nothing yet. */
async function startedAnew(): Promise<TestCell> {
  await cell.close()
  cell = await startShielded()
  return cell
}

describe('a negative answer', () => {
  test('is kept like any other, until there is something', async () => {
    const path = '/v1/products/new'
    const missing = await ask({ path })
    expect(missing.status).toBe(404)
    expect(await problemOf(missing)).toMatchObject({ code: 'product.unknown' })
    countAnew()
    const again = await ask({ path })
    expect(again.headers.get('cache-status')).toBe('tradewind-cell; hit')
    expect(again.headers.get('tradewind-tags')).toContain('handle:new')
    expect(statements).toEqual([])
    const [row] = await queryRows<{ id: string }>(
      url,
      `select id from product where handle = 'new'`,
    )
    const published = await other.call('post', `/v1/staff/products/${row!.id}/publish`, { token })
    expect(published.status, await published.clone().text()).toBe(200)
    const minimum = published.headers.get('tradewind-position')!
    expect((await ask({ path, minimum })).status).toBe(200)
  })
})

/** The cell's modules with another handler for one product. */
function withProduct(handler: (own: () => Promise<Snapshot>) => Promise<Snapshot>): Module[] {
  const catalog = modules.find(({ name }) => name === 'catalog')!
  return [
    {
      ...catalog,
      routes: (services) =>
        catalog.routes(services).map((route) => {
          if (route.name !== 'getProduct') return route
          const own = route.handler as (context: unknown) => Promise<Snapshot>
          return { ...route, handler: (context: unknown) => handler(() => own(context)) }
        }),
    },
  ]
}

async function replaceCell(options: Parameters<typeof startShielded>[0]): Promise<void> {
  await cell.close()
  cell = await startShielded(options)
}

describe('an answer that a schedule bounds', () => {
  test('says how long it holds, and is read again when that is over', async () => {
    await change()
    const lifeSeconds = 2
    await replaceCell({
      modules: withProduct(async (own) => ({ ...(await own()), lifeSeconds })),
    })
    const first = await ask()
    expect(first.headers.get('tradewind-life')).toBe('1')
    await ask()
    expect(documentsRead()).toBe(1)
    await expect
      .poll(async () => (await ask()).headers.get('cache-status'), { timeout: 5_000 })
      .toBe('tradewind-cell; fwd=miss')
    expect(documentsRead()).toBe(2)
    expect((await ask()).headers.get('cache-status')).toBe('tradewind-cell; hit')
  })

  test('that holds no longer is answered, and read again for the next', async () => {
    await replaceCell({
      modules: withProduct(async (own) => ({ ...(await own()), lifeSeconds: 0 })),
    })
    for (let reads = 1; reads <= 3; reads += 1) {
      const answer = await ask()
      expect(answer.status).toBe(200)
      expect(answer.headers.get('tradewind-life')).toBe('0')
      expect(documentsRead()).toBe(reads)
    }
  })
})

describe('memory', () => {
  test('holds no more than it may, and keeps what is asked for while others pass through', async () => {
    const body = `"${'x'.repeat(20_000)}"`
    await replaceCell({
      config: { SHIELD_MIB_MAX: '1' },
      modules: withProduct(async (own) => ({ ...(await own()), body, etag: '"x"' })),
    })
    const path = (market: number) => `${PATH}?market=de&group=g${market}`
    for (let turn = 0; turn < 3; turn += 1) await ask({ path: path(0) })
    for (let market = 1; market <= 300; market += 1) await ask({ path: path(market) })
    const { memory } = cell.services.shield.health
    expect(memory.bytes).toBeLessThanOrEqual(MEBIBYTE)
    expect(memory.bytes).toBeGreaterThan(MEBIBYTE / 2)
    countAnew()
    await ask({ path: path(0) })
    expect(documentsRead()).toBe(0)
  })
})

describe('a failure', () => {
  test('keeps its own problem, for each of many who ask at once', async () => {
    const bad = Array.from({ length: 20 }, () => ask({ path: '/v1/products?market=de&limit=0' }))
    for (const answer of await Promise.all(bad)) {
      expect(answer.status).toBe(400)
      const problem = await problemOf(answer)
      expect(problem).toMatchObject({ code: 'request.invalid', requestId: 'test' })
      expect(problem.errors).toMatchObject([{ pointer: '/limit' }])
    }
    expect(cell.services.shield.health.reads.unavailable).toBe(0)
  })

  test('that is a bug is an opaque 500 for all who waited for it, and is not kept', async () => {
    let isBroken = true
    await replaceCell({
      modules: withProduct(async (own) => {
        if (isBroken) throw new Error('a bug')
        return await own()
      }),
    })
    const asked = Array.from({ length: 10 }, () => ask())
    for (const answer of await Promise.all(asked)) {
      expect(answer.status).toBe(500)
      expect(await problemOf(answer)).toMatchObject({ code: 'internal' })
    }
    isBroken = false
    expect((await ask()).status).toBe(200)
  })

  test('for want of a connection says so, and when to come back, while memory goes on answering', async () => {
    await replaceCell({ config: { DATABASE_POOL_MAX: '2', DATABASE_WAITING_MAX: '0' } })
    await ask()
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const { db } = cell.services
    const holding = Array.from({ length: 2 }, () =>
      db.inTransaction(async (tx) => {
        await tx.query.execute(sql`select 1`)
        await held
      }),
    )
    await expect.poll(() => db.admission.running).toBe(2)
    expect((await ask()).status).toBe(200)
    const other = '/v1/products/other'
    for (const answer of await Promise.all([ask({ path: other }), ask({ path: other })])) {
      expect(answer.status).toBe(503)
      expect(await problemOf(answer)).toMatchObject({ code: 'cell.overloaded' })
      expect(answer.headers.get('retry-after')).toBe('1')
    }
    // The feed has connections of its own, so that what is in memory can still be vouched for.
    expect((await ask({ minimum: 'catalogue=900000000;h=hother' })).status).toBe(200)
    release()
    await Promise.all(holding)
    await expect.poll(async () => (await ask({ path: other })).status).toBe(404)
  })

  test('of the database is unavailability, never an older answer, and ends with it', async () => {
    const relay = await startRelay(url)
    await replaceCell({ url: relay.url })
    const { position } = await change(other)
    await ask({ minimum: position })
    const { position: later, amountMinor } = await change(other)
    await relay.close()
    const named = await ask({ minimum: later })
    expect(named.status).toBe(503)
    expect(await problemOf(named)).toMatchObject({ code: 'cell.unavailable' })
    // Once nothing can be vouched for, nobody is shown what was in memory.
    await expect.poll(async () => (await ask()).status, { timeout: 5_000 }).toBe(503)
    await replaceCell({})
    expect(await priceIn(await ask({ minimum: later }))).toBe(amountMinor)
  })

  test('is in the log with its code, bad requests too', async () => {
    const process = await startCellProcess(url, { LOG_LEVEL: 'debug' })
    try {
      const path = '/v1/products?market=de&limit=0'
      const answer = await fetch(process.url + path, requestOf('get', path, {}, systemClock))
      expect(answer.status).toBe(400)
      const lines = () =>
        process
          .output()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .filter(({ msg }) => msg === 'refused')
      await expect.poll(lines).toMatchObject([{ code: 'request.invalid', requestId: 'test' }])
    } finally {
      await process.end('SIGKILL')
    }
  })
})
