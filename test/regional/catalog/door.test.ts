/** What the catalogue's door offers other modules: markets and priced variants. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  marketById,
  marketFor,
  pricedVariants,
  putMarkets,
} from '../../../regional/modules/catalog/index.ts'
import type { Product } from '../../../shared/contracts/catalog.ts'
import { type CatalogCell, MARKETS, startCatalogCell, system } from './fixtures.ts'

let cell: CatalogCell
beforeAll(async () => {
  cell = await startCatalogCell()
})
afterAll(() => cell.close())

const [, DE, US] = MARKETS

test('a market is found by id, and the default without one', async () => {
  const { db } = cell.services
  expect(await marketById(db, 'de')).toEqual(DE)
  expect(await marketById(db, 'xx')).toBeNull()
  expect(await marketFor(db, 'de')).toEqual(DE)
  expect(await marketFor(db, null)).toEqual(US)
  expect(await marketFor(db, 'xx')).toBeNull()
})

test('variants are priced in the market’s currency, if published and priced there', async () => {
  const { db } = cell.services
  const size = (Size: string) => ({ options: { Size } })
  const published = await cell.publishedProduct({
    handle: 'priced',
    translations: { de: { name: 'Hemd' }, fr: { name: 'Chemise' } },
    options: [{ name: 'Size', values: ['S', 'M'] }],
    variants: [
      { sku: 'P-S', ...size('S'), prices: { EUR: 100, USD: 120 }, available: 50 },
      { sku: 'P-M', ...size('M'), prices: { EUR: 110 } },
    ],
  })
  await cell.createProduct({ variants: [{ sku: 'P-DRAFT', prices: { EUR: 1, USD: 1 } }] })
  const skus = ['P-S', 'P-M', 'P-DRAFT', 'P-NONE']
  const line = {
    sku: 'P-S',
    productHandle: published.handle,
    name: 'Hemd',
    options: { Size: 'S' },
    unitPriceMinor: 100,
    currency: 'EUR',
    pricesIncludeTax: true,
    taxBasisPoints: 1_900,
    availability: 'in_stock',
  }
  const inGermany = await pricedVariants(db, { skus, market: 'de', locale: 'de', group: null })
  expect(inGermany.toSorted((a, b) => b.sku.localeCompare(a.sku))).toEqual([
    line,
    {
      ...line,
      sku: 'P-M',
      options: { Size: 'M' },
      unitPriceMinor: 110,
      availability: 'out_of_stock',
    },
  ])
  expect(await pricedVariants(db, { skus, market: 'us', locale: 'en', group: null })).toEqual([
    {
      ...line,
      unitPriceMinor: 120,
      currency: 'USD',
      pricesIncludeTax: false,
      taxBasisPoints: 825,
    },
  ])
  expect(await pricedVariants(db, { skus, market: 'xx', locale: 'en', group: null })).toEqual([])
  await cell.staff('post', `/v1/staff/products/${published.id}/retire`)
  expect(await pricedVariants(db, { skus, market: 'de', locale: 'de', group: null })).toEqual([])
})

test('a name is the one that the page shows, whatever translations there are', async () => {
  const { db } = cell.services
  const locales = ['de-AT', 'de', 'en', 'fr', 'it']
  for (let subset = 1; subset < 2 ** locales.length; subset += 1) {
    const spoken = locales.filter((_, index) => subset & (1 << index))
    const translations = Object.fromEntries(spoken.map((locale) => [locale, { name: locale }]))
    const sku = `SPOKEN-${subset}`
    const handle = `spoken-${subset}`
    await cell.publishedProduct({
      handle,
      translations: translations as never,
      variants: [{ sku, prices: { EUR: 1, USD: 1 } }],
    })
    for (const [market, locale] of [
      ['at', 'de-AT'],
      ['de', 'de'],
      ['de', 'en'],
      ['us', 'en'],
    ]) {
      const [priced] = await pricedVariants(db, {
        skus: [sku],
        market: market!,
        locale: locale!,
        group: null,
      })
      const page = await cell.call(
        'get',
        `/v1/products/${handle}?market=${market}&locale=${locale}`,
      )
      expect(priced!.name).toBe(((await page.json()) as Product).name)
    }
  }
})

test('a market that changes is shown by its products, ticks, and its repeat ticks nothing', async () => {
  const { db } = cell.services
  const { handle, id } = await cell.publishedProduct()
  const german = `/v1/products/${handle}?market=de`
  const put = () =>
    db.inTransaction((tx) => putMarkets(tx, system, [{ ...DE!, locales: ['de'], currency: 'USD' }]))
  const [tags] = await cell.ticksOf(put)
  expect(tags).toEqual(expect.arrayContaining(['markets', `product:${id}`, 'products']))
  expect(await cell.ticksOf(put)).toEqual([])
  expect((await cell.call('get', `${german}&locale=en`)).status).toBe(404)
  const page = (await (await cell.call('get', german)).json()) as Product
  expect(page.variants[0]!.price.currency).toBe('USD')
  expect((await cell.audits('de')).map((entry) => entry.action)).toEqual([
    'market.put',
    'market.put',
  ])
})
