/** Importing batches by external id. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importProducts } from '../../../regional/modules/catalog/index.ts'
import { Database } from '../../../regional/platform/database.ts'
import { createLog } from '../../../regional/platform/log.ts'
import type { Product, ProductPage } from '../../../shared/contracts/catalog.ts'
import { queryRows } from '../../support/database.ts'
import { type CatalogCell, problemOf, startCatalogCell, system } from './fixtures.ts'

let cell: CatalogCell
beforeAll(async () => {
  cell = await startCatalogCell()
  await cell.createCategory('imported')
})
afterAll(() => cell.close())

interface Imported {
  loaded: number
  rejected: { index: number; reason: string }[]
}

const importRows = (rows: unknown[]) => cell.staff<Imported>('put', '/v1/staff/products', { rows })
const row = (name: string, more: object = {}) => ({
  externalId: `ext:${name}`,
  handle: name,
  translations: { en: { name } },
  categories: ['imported'],
  variants: [{ sku: `SKU-${name}`, prices: { EUR: 500 }, available: 9 }],
  ...more,
})
const idOf = async (name: string) =>
  (await queryRows<{ id: string }>(cell.url, 'select id from product where handle = $1', [name]))[0]
    ?.id

test('a batch lands published, in one tick, with an audit row for each product', async () => {
  let answer: Imported | undefined
  const ticks = await cell.ticksOf(async () => {
    answer = await importRows([row('one'), row('two')])
  })
  expect(answer).toEqual({ loaded: 2, rejected: [] })
  const [one, two] = [await idOf('one'), await idOf('two')]
  expect(ticks).toEqual([
    [
      'category:imported',
      'handle:one',
      'handle:two',
      `product:${one}`,
      `product:${two}`,
      'products',
    ].toSorted(),
  ])
  const page = (await (await cell.call('get', '/v1/products/one')).json()) as Product
  expect(page.variants[0]).toMatchObject({ sku: 'SKU-one', availability: 'in_stock' })
  expect((await cell.audits(one!)).map((entry) => entry.action)).toEqual(['product.imported'])
})

test('a repeat changes nothing readers see, keeps ids and places, and ticks nothing', async () => {
  const rows = [row('again-a'), row('again-b')]
  await importRows(rows)
  const before = [await idOf('again-a'), await idOf('again-b')]
  const list = async () =>
    (await (await cell.call('get', '/v1/products?limit=100')).json()) as ProductPage
  const listed = await list()
  expect(await cell.ticksOf(() => importRows(rows))).toEqual([])
  expect([await idOf('again-a'), await idOf('again-b')]).toEqual(before)
  expect(await list()).toEqual(listed)
})

test('a row replaces what is stored under its external id, and only what differs ticks', async () => {
  await importRows([row('same'), row('changing')])
  const id = await idOf('changing')
  const ticks = await cell.ticksOf(() =>
    importRows([
      row('same'),
      row('changed', {
        externalId: 'ext:changing',
        variants: [{ sku: 'NEW', prices: { EUR: 7 } }],
      }),
    ]),
  )
  expect(ticks).toEqual([
    [
      'category:imported',
      'handle:changed',
      'handle:changing',
      `product:${id}`,
      'products',
    ].toSorted(),
  ])
  expect(await idOf('changed')).toBe(id)
  expect((await cell.call('get', '/v1/products/changing')).status).toBe(404)
})

test('existing stock is left alone', async () => {
  await importRows([row('stocked')])
  await importRows([
    row('stocked', { variants: [{ sku: 'SKU-stocked', prices: { EUR: 5 }, available: 0 }] }),
  ])
  expect(
    await queryRows(cell.url, `select available from stock_level where sku = 'SKU-stocked'`),
  ).toEqual([{ available: 9 }])
})

test('each bad row is named with its reason, and the rest lands', async () => {
  await cell.createProduct({ handle: 'mine', variants: [{ sku: 'MINE' }] })
  const rows: [unknown, RegExp | null][] = [
    [row('good-1'), null],
    ['not a row', /^request\.invalid: \/ /],
    [null, /^request\.invalid/],
    [row('bad', { handle: 'NOT A HANDLE' }), /^request\.invalid: \/handle /],
    [
      row('bad', { translations: { en: { name: 'a\0' } } }),
      /^request\.invalid: \/translations\/en\/name/,
    ],
    [
      row('bad', { translations: { en: { name: '\udfff' } } }),
      /^request\.invalid: \/translations\/en\/name/,
    ],
    [
      row('bad', { variants: [{ sku: 'B', prices: { EUR: -5 } }] }),
      /^request\.invalid: \/variants\/0\/prices\/EUR/,
    ],
    [
      row('bad', { variants: [{ sku: 'B', prices: { DOGE: 5 } }] }),
      /^request\.invalid: \/variants\/0\/prices/,
    ],
    [row('bad', { variants: [{ sku: 'B' }] }), /^product\.not_publishable/],
    [
      row('bad', { options: [{ name: 'Size', values: ['S'] }] }),
      /^request\.invalid: \/variants\/0\/options/,
    ],
    [row('bad', { surplus: 1 }), /^request\.invalid/],
    [row('bad', { categories: ['nowhere'] }), /^category\.unknown: nowhere/],
    [row('mine'), /^product\.handle_taken: mine/],
    [row('bad', { variants: [{ sku: 'MINE', prices: { EUR: 1 } }] }), /^variant\.sku_taken: MINE/],
    [
      row('good-1', { externalId: 'ext:another' }),
      /^request\.invalid: handle good-1 is in the batch already/,
    ],
    [
      row('bad', { variants: [{ sku: 'SKU-good-1', prices: { EUR: 1 } }] }),
      /^request\.invalid: sku SKU-good-1 is in/,
    ],
    [row('good-2', { externalId: 'ext:good-1' }), /^request\.invalid: externalId ext:good-1 is in/],
    // The names of a refused row are free for one after it.
    [row('bad'), null],
    [row('__proto__', { handle: 'proto' }), null],
    [row('constructor', { externalId: 'constructor' }), null],
  ]
  const { loaded, rejected } = await importRows(rows.map(([each]) => each))
  const refused = rows.flatMap(([, reason], index) => (reason === null ? [] : [{ index, reason }]))
  expect(rejected.map((each) => each.index)).toEqual(refused.map((each) => each.index))
  for (const [place, { reason }] of refused.entries()) {
    expect(rejected[place]!.reason).toMatch(reason)
  }
  expect(loaded).toBe(rows.length - refused.length)
  expect(await idOf('good-1')).toBeDefined()
  expect(await idOf('bad')).toBeDefined()
  expect(await idOf('good-2')).toBeUndefined()
})

test('a batch of bad rows alone answers so, and ticks nothing', async () => {
  const ticks = await cell.ticksOf(async () => {
    expect(await importRows([{}])).toMatchObject({ loaded: 0, rejected: [{ index: 0 }] })
  })
  expect(ticks).toEqual([])
})

test('an empty batch and one that is too long are refused', async () => {
  for (const rows of [[], Array.from({ length: 101 }, () => ({}))]) {
    const response = await cell.tryStaff('put', '/v1/staff/products', { body: { rows } })
    expect(await problemOf(response)).toEqual({
      status: 400,
      code: 'request.invalid',
      pointers: ['/rows'],
    })
  }
})

test('a retired product is in sale again', async () => {
  await importRows([row('back')])
  const id = await idOf('back')
  await cell.staff('post', `/v1/staff/products/${id}/retire`)
  await importRows([row('back')])
  expect((await cell.call('get', '/v1/products/back')).status).toBe(200)
})

test('loads that run side by side over the same rows leave one of each', async () => {
  const rows = Array.from({ length: 20 }, (_, index) => row(`racing-${index}`))
  const answers = await Promise.all([
    importRows(rows),
    importRows(rows.toReversed()),
    importRows(rows.slice(5)),
  ])
  expect(answers.flatMap((answer) => answer.rejected)).toEqual([])
  expect(
    await queryRows(cell.url, `select id from product where handle like 'racing-%'`),
  ).toHaveLength(20)
})

test('a hundred products are written by a handful of statements', async () => {
  const statements: string[] = []
  const db = new Database(
    {
      url: cell.url,
      poolMax: 2,
      waitingMax: 9,
      waitMsMax: 5_000,
      onStatement: (text) => statements.push(text),
    },
    createLog({ level: 'silent', cell: 'eu' }),
  )
  const rows = Array.from({ length: 100 }, (_, index) => row(`bulk-${index}`))
  await db.inTransaction((tx) => importProducts(tx, system, { rows, now: new Date() }))
  await db.close()
  // The lock, the names, five of saving, five of showing, the tick; and the transaction's own two.
  expect(statements.length).toBeLessThanOrEqual(16)
})
