/** Loading a catalogue through the API, and the demo catalogue. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadCatalogue, type Reject } from '../../../scripts/support/catalogue-loader.ts'
import { demoMarkets, demoRows, seedDemo } from '../../../scripts/support/demo-catalogue.ts'
import { ndjsonLines } from '../../../scripts/support/ndjson-lines.ts'
import { createClient } from '../../../shared/client/create-client.ts'
import { ImportRow, type Product, type ProductPage } from '../../../shared/contracts/catalog.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'

let cell: TestCell
beforeAll(async () => {
  cell = await startTestCell()
  await seedDemo(cell.services)
})
afterAll(() => cell.close())

/** A client that reaches the cell itself, signed as the edge signs. */
async function clientOf() {
  const token = await accessToken()
  const throughCell: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    const { pathname, search } = new URL(request.url)
    const body = await request.text()
    return await cell.call(request.method, pathname + search, {
      token,
      body: body === '' ? undefined : JSON.parse(body),
      idempotencyKey: request.headers.get('idempotency-key'),
    })
  }
  return createClient({ baseUrl: 'http://edge.test', token, fetch: throughCell })
}

async function load(lines: string[], options: { batchRowsMax?: number; rowsMax?: number } = {}) {
  const { batchRowsMax = 2, rowsMax } = options
  const rejects: Reject[] = []
  const seen: number[] = []
  const progress = await loadCatalogue({
    lines: ndjsonLines(
      (async function* () {
        yield Buffer.from(lines.join('\n'))
      })(),
    ),
    client: await clientOf(),
    batchRowsMax,
    rowsMax,
    onReject: (reject) => rejects.push(reject),
    onProgress: ({ rows }) => seen.push(rows),
  })
  return { progress, rejects, seen }
}

const record = (id: number, more: object = {}) =>
  JSON.stringify({ id: String(id), title: `Thing ${id}`, price: 1_000 + id, ...more })
const clock = async () =>
  (
    await queryRows<{ n: number }>(
      cell.url,
      `select n::int from feed_clock where feed = 'catalogue'`,
    )
  )[0]!.n

test('good rows land in their categories, bad ones are named with line and reason', async () => {
  const { progress, rejects } = await load([
    record(1, { attr_t_type: 'Notebook' }),
    '{"id":',
    record(2),
    record(3, { price: -1 }),
    record(4, { title: 'Thing 4', attr_t_type: 'Notebook' }),
    record(1, { title: 'Thing 1 again', attr_t_type: 'Notebook' }),
    record(5),
  ])
  expect(progress).toEqual({ rows: 7, loaded: 5, rejected: 2 })
  expect(rejects.map(({ line, reason }) => [line, reason.split(':')[0]])).toEqual([
    [2, 'is not JSON'],
    [4, 'price'],
  ])
  expect(rejects[0]!.row).toBe('{"id":')
  const list = await cell.call('get', '/v1/products?category=notebooks&market=de')
  const { items } = (await list.json()) as ProductPage
  expect(items.map((item) => item.name).toSorted()).toEqual(['Thing 1 again', 'Thing 4'])
})

test('a row that the cell refuses is named by its line', async () => {
  const lines = [record(31), record(32), record(32, { title: 'Twice in a batch' })]
  const { progress, rejects } = await load(lines, { batchRowsMax: 100 })
  expect(progress).toEqual({ rows: 3, loaded: 2, rejected: 1 })
  expect(rejects).toEqual([
    {
      line: 3,
      reason: expect.stringMatching(/^request\.invalid: externalId icecat:32/),
      row: JSON.parse(lines[2]!),
    },
  ])
})

test('a repeated load changes nothing', async () => {
  const lines = [record(11), record(12), record(13)]
  await load(lines)
  const before = await clock()
  const { progress } = await load(lines)
  expect(progress).toEqual({ rows: 3, loaded: 3, rejected: 0 })
  expect(await clock()).toBe(before)
})

test('batches hold the rows they may, and a limit ends the reading', async () => {
  const lines = Array.from({ length: 9 }, (_, index) => record(100 + index))
  const { progress, seen } = await load(lines, { batchRowsMax: 3, rowsMax: 7 })
  expect(progress).toEqual({ rows: 7, loaded: 7, rejected: 0 })
  expect(seen).toEqual([4, 7, 7])
})

test('a load without the right to write stops with the reason', async () => {
  const stopped = loadCatalogue({
    lines: ndjsonLines(
      (async function* () {
        yield Buffer.from(record(1))
      })(),
    ),
    client: createClient({
      baseUrl: 'http://edge.test',
      fetch: async (input, init) => {
        const { method, url } = new Request(input, init)
        return await cell.call(
          method,
          new URL(url).pathname,
          method === 'GET' ? {} : { body: { rows: [{}] } },
        )
      },
    }),
    batchRowsMax: 10,
    onReject: () => {},
    onProgress: () => {},
  })
  await expect(stopped).rejects.toMatchObject({ code: 'access.denied' })
})

test('the demo catalogue has 60 products in 6 categories, 3 markets and 2 languages, all sound', async () => {
  expect(demoRows.map((row) => ImportRow.parse(row))).toEqual(demoRows)
  expect(demoRows.length).toBeGreaterThanOrEqual(60)
  expect(new Set(demoRows.flatMap((row) => row.categories)).size).toBe(6)
  expect(new Set(demoMarkets.flatMap((market) => market.locales))).toEqual(new Set(['de', 'en']))
  const untranslated = demoRows.filter((row) => row.translations.de === undefined)
  expect(untranslated.length).toBeGreaterThan(0)
  expect(untranslated.length).toBeLessThan(demoRows.length / 4)
  const states = await queryRows<{ availability: string }>(
    cell.url,
    'select distinct availability from variant order by 1',
  )
  expect(states.map((state) => state.availability)).toEqual(['in_stock', 'low', 'out_of_stock'])
  for (const { id } of demoMarkets) {
    const list = await cell.call('get', `/v1/products?market=${id}&category=coffee`)
    expect(((await list.json()) as ProductPage).items).toHaveLength(11)
  }
  const page = (await (await cell.call('get', '/v1/products/bamboo-whisk')).json()) as Product
  expect([page.locale, page.name]).toEqual(['de', 'Bamboo Whisk'])
})

test('a second seed changes nothing, not even what was changed since the first', async () => {
  const token = await accessToken()
  const path = '/v1/staff/variants/HAND-GRINDER/prices'
  await cell.call('put', path, { token, body: { prices: { EUR: 1 } } })
  const before = await clock()
  expect(await seedDemo(cell.services)).toBe(false)
  expect(await clock()).toBe(before)
  const page = (await (await cell.call('get', '/v1/products/hand-grinder')).json()) as Product
  expect(page.variants[0]!.price.amountMinor).toBe(1)
})
