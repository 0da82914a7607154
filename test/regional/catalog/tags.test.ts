/**
 * The tags are right: after every write, each answer that was cached before and that no tick names
 * is still what the cell would answer now.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { putMarkets } from '../../../regional/modules/catalog/index.ts'
import { showAvailability } from '../../../regional/modules/catalog/reactions.ts'
import { parsePosition } from '../../../shared/freshness/position.ts'
import { queryRows } from '../../support/database.ts'
import { type CatalogCell, MARKETS, startCatalogCell, system } from './fixtures.ts'

let cell: CatalogCell
beforeAll(async () => {
  cell = await startCatalogCell()
})
afterAll(() => cell.close())

interface Entry {
  status: number
  body: string
  stamp: number
  tags: string[]
}

const HANDLES = ['a', 'b', 'c', 'a-renamed']
const READS = [
  '/v1/markets',
  ...['de', 'en'].map((locale) => `/v1/categories?market=de&locale=${locale}`),
  ...HANDLES.flatMap((handle) => [
    `/v1/products/${handle}?market=de&locale=de`,
    `/v1/products/${handle}?market=de&locale=en`,
    `/v1/products/${handle}?market=us`,
    `/v1/products/${handle}?market=fr`,
  ]),
  ...['', '&category=x', '&category=y', '&category=z'].flatMap((list) =>
    ['newest', 'name', 'price', '-price'].flatMap((sort) => [
      `/v1/products?market=de&sort=${sort}&limit=2${list}`,
      `/v1/products?market=us&sort=${sort}${list}`,
    ]),
  ),
]

async function read(path: string): Promise<Entry> {
  const response = await cell.call('get', path)
  const { n } = parsePosition(response.headers.get('tradewind-stamp'), 'catalogue')!
  return {
    status: response.status,
    body: await response.text(),
    stamp: n,
    tags: response.headers.get('tradewind-tags')!.split(' '),
  }
}

const ids: Record<string, string> = {}
const product = (handle: string, categories: string[]) => async () => {
  const created = await cell.createProduct({
    handle,
    categories,
    translations: { de: { name: `${handle} de` }, en: { name: `${handle} en` } },
    variants: [{ sku: handle, prices: { EUR: 500 }, available: 50 }],
  })
  ids[handle] = created.id
}
const patch = (handle: string, body: object) => () =>
  cell.staff('patch', `/v1/staff/products/${ids[handle]}`, body)
const publish = (handle: string) => () =>
  cell.staff('post', `/v1/staff/products/${ids[handle]}/publish`)
const retire = (handle: string) => () =>
  cell.staff('post', `/v1/staff/products/${ids[handle]}/retire`)
const setPrices = (sku: string, prices: object) => () =>
  cell.staff('put', `/v1/staff/variants/${sku}/prices`, { prices })
const category = (handle: string, body: object) => async () => {
  const [row] = await queryRows<{ id: string }>(
    cell.url,
    'select id from category where handle = $1',
    [handle],
  )
  await cell.staff('patch', `/v1/staff/categories/${row!.id}`, body)
}
const put = (market: object) => () =>
  cell.services.db.inTransaction((tx) => putMarkets(tx, system, [{ ...MARKETS[1]!, ...market }]))

const WRITES: [string, () => Promise<unknown>][] = [
  ['a category', () => cell.createCategory('x')],
  ['another', () => cell.createCategory('y', { parentHandle: 'x' })],
  ['a draft', product('a', ['x'])],
  ['its publication', publish('a')],
  ['a second product', product('b', ['x', 'y'])],
  ['its publication', publish('b')],
  ['a third', product('c', [])],
  ['its publication', publish('c')],
  ['a description', patch('a', { attributes: { weight: 3 } })],
  ['an image', patch('a', { media: [{ url: 'https://a.example/1', alt: '' }] })],
  ['a name', patch('b', { translations: { de: { name: 'zz' }, en: { name: '0' } } })],
  ['a price', setPrices('b', { EUR: 900 })],
  ['a price in a new market', setPrices('a', { USD: 1 })],
  ['a category that is joined', patch('c', { categories: ['y'] })],
  ['a category that is left', patch('b', { categories: ['x'] })],
  ['a new handle', patch('a', { handle: 'a-renamed' })],
  ['a category’s name', category('x', { translations: { en: { name: 'Ex' } } })],
  ['a category’s place', category('x', { position: 7 })],
  ['a category that was unknown', () => cell.createCategory('z')],
  [
    'a state of stock',
    async () => {
      await cell.staff('put', '/v1/staff/stock/b', { available: 0 })
      await showAvailability.run(cell.services, {
        id: 'e',
        type: 'inventory.availability_changed',
        subject: 'b',
        payload: { sku: 'b' },
      })
    },
  ],
  ['a retirement', retire('a')],
  ['a return', publish('a')],
  ['a variant that goes', patch('b', { variants: [{ sku: 'b-2', prices: { USD: 3 } }] })],
  [
    'an import',
    () =>
      cell.staff('put', '/v1/staff/products', {
        rows: [
          {
            externalId: 'i',
            handle: 'a',
            translations: { en: { name: 'i' } },
            categories: ['z'],
            variants: [{ sku: 'i', prices: { EUR: 2, USD: 2 } }],
          },
        ],
      }),
  ],
  ['a market that changes', put({ pricesIncludeTax: false })],
  ['a market that is new', put({ id: 'fr', countries: ['FR'], locales: ['fr'] })],
]

test('no cached answer that the ticks spare is ever wrong, and every write is seen', async () => {
  const cache = new Map<string, Entry>()
  const changed = new Map<string, number>()
  let spared = 0
  for (const path of READS) cache.set(path, await read(path))
  for (const [what, write] of WRITES) {
    await write()
    const changes = await queryRows<{ n: number; tags: string[] }>(
      cell.url,
      'select n::int, tags from feed_change',
    )
    for (const { n, tags } of changes) {
      for (const tag of tags) changed.set(tag, Math.max(n, changed.get(tag) ?? 0))
    }
    for (const path of READS) {
      const entry = cache.get(path)!
      const isFresh = [...entry.tags, '*'].every((tag) => (changed.get(tag) ?? 0) <= entry.stamp)
      const now = await read(path)
      if (isFresh) {
        spared += 1
        expect([what, path, entry.status, entry.body]).toEqual([what, path, now.status, now.body])
      } else cache.set(path, now)
    }
  }
  // The test would pass if every write dropped every answer; most answers survive most writes.
  expect(spared).toBeGreaterThan((READS.length * WRITES.length) / 2)
})
