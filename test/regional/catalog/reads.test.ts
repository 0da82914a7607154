/** What shoppers read: pages, lists, categories and markets, known and unknown. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { productPage } from '../../../regional/modules/catalog/product-list.ts'
import { productPageOf } from '../../../regional/modules/catalog/queries.ts'
import { SnapshotReads } from '../../../regional/platform/snapshots.ts'
import { Category, Market, Product, ProductPage } from '../../../shared/contracts/catalog.ts'
import { queryRows } from '../../support/database.ts'
import { testServices } from '../../support/services.ts'
import { type CatalogCell, MARKETS, problemOf, productInput, startCatalogCell } from './fixtures.ts'

let cell: CatalogCell
let mugId: string
beforeAll(async () => {
  cell = await startCatalogCell()
  await cell.createCategory('kitchen', { position: 2 })
  await cell.createCategory('cups', { parentHandle: 'kitchen' })
  await cell.createCategory('attic', { position: 1, translations: { en: { name: 'Attic' } } })
  const mug = await cell.publishedProduct({
    handle: 'mug',
    brand: 'Ostwind',
    categories: ['cups', 'kitchen'],
    translations: {
      en: { name: 'Mug', description: 'Holds tea.' },
      fr: { name: 'Tasse', description: '' },
    },
    options: [{ name: 'Colour', values: ['Red', 'Blue', 'Green'] }],
    attributes: { volume: 0.3, dishwasher: true, material: '磁器' },
    media: [{ url: 'https://img.example.com/mug.jpg', alt: 'A mug' }],
    variants: [
      {
        sku: 'MUG-R',
        options: { Colour: 'Red' },
        prices: { EUR: 1_400, USD: 1_500 },
        available: 3,
      },
      { sku: 'MUG-B', options: { Colour: 'Blue' }, prices: { EUR: 1_200 }, available: 90 },
      { sku: 'MUG-G', options: { Colour: 'Green' }, prices: { GBP: 900 } },
    ],
  })
  mugId = mug.id
})
afterAll(() => cell.close())

const tagsOf = (response: Response) => response.headers.get('tradewind-tags')?.split(' ')

describe('a product page', () => {
  test('shows the variants priced in the market’s currency, with all that the contract promises', async () => {
    const response = await cell.call('get', '/v1/products/mug?market=de&locale=en')
    expect(response.status).toBe(200)
    const page = await response.json()
    expect(Product.parse(page)).toEqual(page)
    expect(page).toEqual({
      id: mugId,
      handle: 'mug',
      market: 'de',
      locale: 'en',
      name: 'Mug',
      description: 'Holds tea.',
      brand: 'Ostwind',
      categories: [
        { handle: 'cups', name: 'cups en' },
        { handle: 'kitchen', name: 'kitchen en' },
      ],
      options: [{ name: 'Colour', values: ['Red', 'Blue'] }],
      attributes: { volume: 0.3, dishwasher: true, material: '磁器' },
      media: [{ url: 'https://img.example.com/mug.jpg', alt: 'A mug' }],
      variants: [
        {
          sku: 'MUG-R',
          options: { Colour: 'Red' },
          price: { amountMinor: 1_400, currency: 'EUR' },
          availability: 'low',
        },
        {
          sku: 'MUG-B',
          options: { Colour: 'Blue' },
          price: { amountMinor: 1_200, currency: 'EUR' },
          availability: 'in_stock',
        },
      ],
      pricesIncludeTax: true,
    })
  })

  test('carries its stamp, its tags and a strong ETag, which answers 304', async () => {
    const first = await cell.call('get', '/v1/products/mug')
    expect(first.headers.get('tradewind-stamp')).toMatch(/^catalogue=\d+;h=h[0-9a-f]{12}$/)
    expect(tagsOf(first)).toEqual([`product:${mugId}`, 'handle:mug', 'markets'])
    const etag = first.headers.get('etag')!
    expect(etag).toMatch(/^"[\w-]{22}"$/)
    const again = await cell.call('get', '/v1/products/mug', { headers: { 'if-none-match': etag } })
    expect([again.status, await again.text()]).toEqual([304, ''])
    expect(again.headers.get('etag')).toBe(etag)
    expect(tagsOf(again)).toEqual(tagsOf(first))
    const other = await cell.call('get', '/v1/products/mug?locale=en')
    expect(other.headers.get('etag')).not.toBe(etag)
  })

  test.each([
    ['nothing asked, the edge’s suggestion', '', { market: 'de', locale: 'en' }, ['de', 'en']],
    [
      'a market asked over the suggestion',
      '?market=us',
      { market: 'de', locale: 'de' },
      ['us', 'en'],
    ],
    ['a locale asked', '?locale=en', { market: 'de', locale: 'de' }, ['de', 'en']],
    [
      'a suggestion with a region the market lacks',
      '',
      { market: 'de', locale: 'en-GB' },
      ['de', 'en'],
    ],
    ['a suggestion the market does not speak', '', { market: 'de', locale: 'fr' }, ['de', 'de']],
    ['a suggested market that is none', '', { market: 'xx', locale: 'en' }, ['us', 'en']],
  ])('%s decides market and locale', async (_, query, hint, [market, locale]) => {
    const response = await cell.call('get', `/v1/products/mug${query}`, hint)
    expect(await response.json()).toMatchObject({ market, locale })
  })

  test.each([
    ['market.unknown', '/v1/products/mug?market=xx', '/market', ['markets']],
    ['locale.unknown', '/v1/products/mug?locale=fr', '/locale', ['markets']],
    ['locale.unknown', '/v1/products/mug?market=de&locale=de-AT', '/locale', ['markets']],
    ['product.unknown', '/v1/products/no-such', undefined, ['handle:no-such', 'markets']],
    ['market.unknown', '/v1/products?market=xx', '/market', ['markets']],
    ['locale.unknown', '/v1/products?locale=fr', '/locale', ['markets']],
    ['category.unknown', '/v1/products?category=cellar', '/category', ['categories', 'markets']],
    ['market.unknown', '/v1/categories?market=xx', '/market', ['markets']],
    ['locale.unknown', '/v1/categories?locale=fr', '/locale', ['markets']],
  ])('%s is a stamped, tagged 404 for %s', async (code, path, pointer, tags) => {
    const response = await cell.call('get', path)
    expect(response.headers.get('tradewind-stamp')).toMatch(/^catalogue=\d+/)
    expect(tagsOf(response)).toEqual(tags)
    expect(await problemOf(response)).toEqual({
      status: 404,
      code,
      pointers: pointer === undefined ? [] : [pointer],
    })
  })

  test.each([
    '/v1/products/Mug',
    '/v1/products/mug?market=DE',
    '/v1/products/mug?locale=de_DE',
    '/v1/products/mug?colour=red',
    '/v1/products?sort=cheap',
    '/v1/products?limit=0',
    '/v1/products?limit=101',
    '/v1/products?limit=ten',
    '/v1/products?category=%00',
    '/v1/categories?position=1',
  ])('%s is invalid', async (path) => {
    expect((await problemOf(await cell.call('get', path))).code).toBe('request.invalid')
  })
})

test('a text falls back from locale to language, to the market’s default, to English, to any', async () => {
  const text = (name: string) => ({ name, description: '' })
  const cases: [string, Record<string, object>, Record<string, string>][] = [
    [
      'exact',
      { 'de-AT': text('Semmel'), de: text('Brötchen'), en: text('Roll') },
      { at: 'Semmel', de: 'Brötchen' },
    ],
    ['language', { de: text('Brötchen'), en: text('Roll') }, { at: 'Brötchen', de: 'Brötchen' }],
    ['english', { en: text('Roll'), fr: text('Pain') }, { at: 'Roll', de: 'Roll', us: 'Roll' }],
    ['any', { it: text('Panino'), fr: text('Pain') }, { at: 'Pain', de: 'Pain', us: 'Pain' }],
  ]
  for (const [handle, translations, expected] of cases) {
    await cell.publishedProduct({ handle, translations: translations as never })
    for (const [market, name] of Object.entries(expected)) {
      const page = await cell.call('get', `/v1/products/${handle}?market=${market}`)
      expect([handle, market, ((await page.json()) as Product).name]).toEqual([
        handle,
        market,
        name,
      ])
    }
  }
  // The default locale comes before English.
  await cell.publishedProduct({ handle: 'default', translations: { de: text('Laib') } as never })
  const page = await cell.call('get', '/v1/products/default?market=de&locale=en')
  expect(((await page.json()) as Product).name).toBe('Laib')
})

describe('a list', () => {
  test('shows cards with the lowest price and the best availability, tagged by list and members', async () => {
    const response = await cell.call('get', '/v1/products?category=cups')
    const page = await response.json()
    expect(ProductPage.parse(page)).toEqual(page)
    expect(page).toEqual({
      items: [
        {
          id: mugId,
          handle: 'mug',
          name: 'Mug',
          brand: 'Ostwind',
          image: { url: 'https://img.example.com/mug.jpg', alt: 'A mug' },
          priceFrom: { amountMinor: 1_200, currency: 'EUR' },
          availability: 'in_stock',
        },
      ],
      next: null,
    })
    expect(tagsOf(response)).toEqual(['category:cups', `product:${mugId}`, 'markets'])
    const all = await cell.call('get', '/v1/products?limit=1')
    expect(tagsOf(all)![0]).toBe('products')
  })

  test('of an empty category is an empty page', async () => {
    const response = await cell.call('get', '/v1/products?category=attic')
    expect(await response.json()).toEqual({ items: [], next: null })
    expect(tagsOf(response)).toEqual(['category:attic', 'markets'])
  })
})

describe('categories and markets', () => {
  test('categories come parents first, siblings by position, named in the locale or its fallback', async () => {
    const response = await cell.call('get', '/v1/categories')
    const { items } = (await response.json()) as { items: Category[] }
    expect(items.map((item) => Category.parse(item))).toEqual(items)
    expect(items.map(({ handle, name, parentHandle }) => [handle, name, parentHandle])).toEqual([
      ['attic', 'Attic', null],
      ['kitchen', 'kitchen de', null],
      ['cups', 'cups de', 'kitchen'],
    ])
    expect(tagsOf(response)).toEqual(['categories', 'markets'])
  })

  test('markets are listed as they were put', async () => {
    const response = await cell.call('get', '/v1/markets')
    const { items } = (await response.json()) as { items: Market[] }
    expect(items.map((item) => Market.parse(item))).toEqual(MARKETS)
    expect(tagsOf(response)).toEqual(['markets'])
  })
})

test.each([null, 'wholesale'])('each read is one statement, for the group %s', async (group) => {
  const statements: string[] = []
  const services = testServices(cell.url, { onStatement: (text) => statements.push(text) })
  const { db, log } = services
  const snapshots = new SnapshotReads({ primary: db, replica: null, log }).atLeast(null)
  const asked = { market: 'de', locale: 'de', group }
  await productPageOf(snapshots, 'mug', { ...asked, query: {} })
  await productPageOf(snapshots, 'no-such', { ...asked, query: {} })
  await productPage(snapshots, { ...asked, query: { sort: 'newest', limit: 20, category: 'cups' } })
  await productPage(snapshots, {
    ...asked,
    query: { sort: 'newest', limit: 20, category: 'no-such' },
  })
  expect(statements).toHaveLength(4)
  await services.close()
})

test('an empty cell answers market.unknown, tagged so that the first market is seen', async () => {
  const empty = await startCatalogCell()
  await queryRows(empty.url, 'delete from market')
  const response = await empty.call('get', '/v1/products/mug')
  expect(tagsOf(response)).toEqual(['markets'])
  expect((await problemOf(response)).code).toBe('market.unknown')
  await empty.close()
})

test('a database that was started since renews the history before it answers', async () => {
  const other = await startCatalogCell()
  await other.publishedProduct(productInput(1))
  await queryRows(
    other.url,
    `update feed_clock set origin_started_at = now() - interval '1 day', history = 'hold'`,
  )
  const response = await other.call('get', '/v1/products/kettle-1')
  expect(response.status).toBe(200)
  expect(response.headers.get('tradewind-stamp')).not.toContain('hold')
  await other.close()
})
