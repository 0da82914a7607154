/** Changing, publishing and retiring products, and setting prices. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Product, StaffProduct } from '../../../shared/contracts/catalog.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { type CatalogCell, problemOf, productInput, startCatalogCell } from './fixtures.ts'

let cell: CatalogCell
beforeAll(async () => {
  cell = await startCatalogCell()
  await cell.createCategory('kitchen')
  await cell.createCategory('garden')
})
afterAll(() => cell.close())

const UNKNOWN_ID = `prod_${'0'.repeat(32)}`
const products = '/v1/staff/products'
const page = async (handle: string): Promise<Product> =>
  (await (await cell.call('get', `/v1/products/${handle}`)).json()) as Product
const statusOf = async (handle: string) => (await cell.call('get', `/v1/products/${handle}`)).status

describe('publishProduct', () => {
  test('shows the product in each market that has a price, and ticks its handle and its lists', async () => {
    const { id, handle } = await cell.createProduct({ categories: ['kitchen'] })
    const ticks = await cell.ticksOf(() => cell.staff('post', `${products}/${id}/publish`))
    expect(ticks).toEqual([['category:kitchen', `handle:${handle}`, `product:${id}`, 'products']])
    expect(await page(handle)).toMatchObject({ id, market: 'de', locale: 'de' })
    expect((await cell.audits(id)).map((entry) => entry.action)).toEqual([
      'product.created',
      'product.published',
    ])
  })

  test('repeating it changes nothing, and still answers with a position', async () => {
    const { id } = await cell.publishedProduct()
    const before = await cell.audits(id)
    let response: Response | undefined
    const ticks = await cell.ticksOf(async () => {
      response = await cell.tryStaff('post', `${products}/${id}/publish`)
    })
    expect(ticks).toEqual([])
    expect(response!.status).toBe(200)
    expect(response!.headers.get('tradewind-position')).toMatch(/^catalogue=\d+;h=/)
    expect(await cell.audits(id)).toEqual(before)
  })

  test('a product without any price is not publishable', async () => {
    const { id } = await cell.createProduct({ variants: [{ sku: 'UNPRICED' }] })
    expect(await problemOf(await cell.tryStaff('post', `${products}/${id}/publish`))).toMatchObject(
      {
        status: 409,
        code: 'product.not_publishable',
      },
    )
  })

  test('a product priced in one currency is shown in its markets alone', async () => {
    const { handle } = await cell.publishedProduct({
      variants: [{ sku: 'DOLLARS-ONLY', prices: { USD: 700 } }],
    })
    expect(await statusOf(handle)).toBe(404)
    expect((await cell.call('get', `/v1/products/${handle}?market=us`)).status).toBe(200)
  })
})

describe('retireProduct', () => {
  test('hides the product everywhere and may be undone, in its old place', async () => {
    const { id, handle } = await cell.publishedProduct({ categories: ['garden'] })
    const tags = ['category:garden', `handle:${handle}`, `product:${id}`, 'products']
    const newest = async () => await (await cell.call('get', '/v1/products')).json()
    const before = await newest()
    await cell.publishedProduct()
    expect(await cell.ticksOf(() => cell.staff('post', `${products}/${id}/retire`))).toEqual([tags])
    expect(await statusOf(handle)).toBe(404)
    expect(await cell.ticksOf(() => cell.staff('post', `${products}/${id}/retire`))).toEqual([])
    expect(await cell.ticksOf(() => cell.staff('post', `${products}/${id}/publish`))).toEqual([
      tags,
    ])
    const after = (await newest()) as { items: { id: string }[] }
    expect(after.items.slice(1, 3)).toEqual((before as typeof after).items.slice(0, 2))
    expect((await cell.audits(id)).map((entry) => entry.action).slice(2)).toEqual([
      'product.retired',
      'product.published',
    ])
  })

  test('a draft cannot be retired', async () => {
    const { id } = await cell.createProduct()
    expect(await problemOf(await cell.tryStaff('post', `${products}/${id}/retire`))).toMatchObject({
      status: 409,
      code: 'product.state_conflict',
    })
  })
})

describe('updateProduct', () => {
  test('a change of the description ticks the product and no list', async () => {
    const { id, handle } = await cell.publishedProduct({ categories: ['kitchen'] })
    const translations = {
      de: { name: 'Kessel fest', description: 'Neu.' },
      en: { name: 'Kettle fixed', description: 'New.' },
    }
    await cell.staff('patch', `${products}/${id}`, { translations })
    translations.de.description = 'Noch neuer.'
    const ticks = await cell.ticksOf(() =>
      cell.staff('patch', `${products}/${id}`, { translations }),
    )
    expect(ticks).toEqual([[`product:${id}`]])
    expect((await page(handle)).description).toBe('Noch neuer.')
    expect(await cell.audits(id)).toContainEqual({
      actor: 'stf_test',
      action: 'product.updated',
      requestId: 'test',
    })
  })

  test('a new name ticks the lists it is sorted in', async () => {
    const { id } = await cell.publishedProduct({ categories: ['kitchen'] })
    const translations = { en: { name: 'Aardvark kettle' } }
    const ticks = await cell.ticksOf(() =>
      cell.staff('patch', `${products}/${id}`, { translations }),
    )
    expect(ticks).toEqual([['category:kitchen', `product:${id}`, 'products']])
  })

  test('a change of categories ticks the old list and the new one, and not the list of all', async () => {
    const { id, handle } = await cell.publishedProduct({ categories: ['kitchen'] })
    const ticks = await cell.ticksOf(() =>
      cell.staff('patch', `${products}/${id}`, { categories: ['garden'] }),
    )
    expect(ticks).toEqual([['category:garden', 'category:kitchen', `product:${id}`]])
    expect((await page(handle)).categories).toEqual([{ handle: 'garden', name: 'garden de' }])
  })

  test('a change of handle ticks the old one and the new one, and the old one answers 404', async () => {
    const { id, handle } = await cell.publishedProduct()
    const ticks = await cell.ticksOf(() =>
      cell.staff('patch', `${products}/${id}`, { handle: 'renamed-kettle' }),
    )
    expect(ticks).toEqual([
      [`handle:${handle}`, 'handle:renamed-kettle', `product:${id}`].toSorted(),
    ])
    expect(await statusOf(handle)).toBe(404)
    expect((await page('renamed-kettle')).id).toBe(id)
  })

  test('a change of a draft ticks nothing, and neither does a change that changes nothing', async () => {
    const draft = await cell.createProduct()
    const shown = await cell.publishedProduct({ brand: 'Same' })
    const ticks = await cell.ticksOf(async () => {
      await cell.staff('patch', `${products}/${draft.id}`, { brand: 'New' })
      await cell.staff('patch', `${products}/${shown.id}`, { brand: 'Same' })
    })
    expect(ticks).toEqual([])
  })

  test('a SKU that stays keeps its variant, one left out is gone, one that comes has stock', async () => {
    const options = [{ name: 'Size', values: ['S', 'M', 'L'] }]
    const variant = (sku: string, Size: string) => ({ sku, options: { Size }, prices: { EUR: 5 } })
    const { id, handle } = await cell.publishedProduct({
      options,
      variants: [variant('V-S', 'S'), variant('V-M', 'M')],
    })
    const rows = () =>
      queryRows<{ sku: string; id: string }>(
        cell.url,
        'select sku, id from variant where product_id = $1 order by position',
        [id],
      )
    const before = await rows()
    await cell.staff('patch', `${products}/${id}`, {
      variants: [{ ...variant('V-L', 'L'), available: 50 }, variant('V-M', 'M')],
    })
    const after = await rows()
    expect(after.map((row) => row.sku)).toEqual(['V-L', 'V-M'])
    expect(after[1]).toEqual(before[1])
    const shown = await page(handle)
    expect(shown.variants.map((each) => [each.sku, each.availability])).toEqual([
      ['V-L', 'in_stock'],
      ['V-M', 'out_of_stock'],
    ])
    expect(shown.options).toEqual([{ name: 'Size', values: ['M', 'L'] }])
  })

  test('a published product must stay publishable', async () => {
    const { id, handle } = await cell.publishedProduct()
    const before = await page(handle)
    const call = { body: { variants: [{ sku: 'BARE' }] } }
    const refused = await cell.tryStaff('patch', `${products}/${id}`, call)
    expect(await problemOf(refused)).toMatchObject({ status: 409, code: 'product.not_publishable' })
    expect(await page(handle)).toEqual(before)
  })

  test('names of others, unknown categories and parts that do not fit are refused', async () => {
    const other = await cell.createProduct()
    const { id } = await cell.publishedProduct()
    const refusal = async (body: object) =>
      await problemOf(await cell.tryStaff('patch', `${products}/${id}`, { body }))
    expect((await refusal({ handle: other.handle })).code).toBe('product.handle_taken')
    const taken = [{ sku: other.variants[0]!.sku, prices: { EUR: 1 } }]
    expect((await refusal({ variants: taken })).code).toBe('variant.sku_taken')
    expect((await refusal({ categories: ['attic'] })).code).toBe('category.unknown')
    expect(await refusal({ options: [{ name: 'Size', values: ['S'] }] })).toEqual({
      status: 400,
      code: 'request.invalid',
      pointers: ['/variants/0/options'],
    })
    expect(await refusal({})).toMatchObject({ status: 400, code: 'request.invalid' })
  })

  test('two changes at once both land', async () => {
    const { id } = await cell.publishedProduct()
    await Promise.all([
      cell.staff('patch', `${products}/${id}`, { brand: 'Both' }),
      cell.staff('patch', `${products}/${id}`, { attributes: { landed: true } }),
    ])
    expect(await cell.staff('get', `${products}/${id}`)).toMatchObject({
      brand: 'Both',
      attributes: { landed: true },
    })
  })
})

describe('setPrices', () => {
  test('sets the currencies named, keeps the others, and ticks the lists sorted by price', async () => {
    const { id, handle, variants } = await cell.publishedProduct({ categories: ['kitchen'] })
    const [{ sku, prices }] = variants as [StaffProduct['variants'][number]]
    const path = `/v1/staff/variants/${sku}/prices`
    const ticks = await cell.ticksOf(() => cell.staff('put', path, { prices: { EUR: 123 } }))
    expect(ticks).toEqual([['category:kitchen', `product:${id}`, 'products']])
    expect((await page(handle)).variants[0]!.price).toEqual({ amountMinor: 123, currency: 'EUR' })
    const after = await cell.staff<StaffProduct>('get', `${products}/${id}`)
    expect(after.variants[0]!.prices).toEqual({ ...prices, EUR: 123 })
    expect((await cell.audits(id)).at(-1)!.action).toBe('prices.set')
    expect(await cell.ticksOf(() => cell.staff('put', path, { prices: { EUR: 123 } }))).toEqual([])
  })

  test('a first price in a currency opens its market, and ticks the handle that was unknown there', async () => {
    const { id, handle } = await cell.publishedProduct({
      variants: [{ sku: 'OPENS-US', prices: { EUR: 5 } }],
    })
    const path = '/v1/staff/variants/OPENS-US/prices'
    const ticks = await cell.ticksOf(() => cell.staff('put', path, { prices: { USD: 6 } }))
    expect(ticks).toEqual([[`handle:${handle}`, `product:${id}`, 'products']])
    expect((await cell.call('get', `/v1/products/${handle}?market=us`)).status).toBe(200)
  })

  test('an unknown variant and bad prices are refused', async () => {
    const put = async (sku: string, prices: object) =>
      (
        await problemOf(
          await cell.tryStaff('put', `/v1/staff/variants/${sku}/prices`, { body: { prices } }),
        )
      ).code
    expect(await put('NO-SUCH', { EUR: 1 })).toBe('variant.unknown')
    for (const prices of [{}, { EUR: -1 }, { XXX: 1 }, { EUR: '1' }, { EUR: null }]) {
      expect(await put('KET-1', prices)).toBe('request.invalid')
    }
  })
})

test.each([
  ['get', `${products}/${UNKNOWN_ID}`, undefined],
  ['patch', `${products}/${UNKNOWN_ID}`, { brand: 'x' }],
  ['post', `${products}/${UNKNOWN_ID}/publish`, undefined],
  ['post', `${products}/${UNKNOWN_ID}/retire`, undefined],
])('%s %s answers product.unknown', async (method, path, body) => {
  const response = await cell.tryStaff(method, path, { body })
  expect(await problemOf(response)).toMatchObject({ status: 404, code: 'product.unknown' })
})

test('staff without the scope, customers and guests write nothing', async () => {
  const { id } = await cell.createProduct()
  const tokens = [
    await accessToken({ scopes: ['catalogue:read', 'inventory:write'] }),
    await accessToken({ role: 'customer', sub: 'cus_1' }),
    undefined,
  ]
  const writes: [string, string, object?][] = [
    ['post', products, productInput(2_000)],
    ['patch', `${products}/${id}`, { brand: 'x' }],
    ['post', `${products}/${id}/publish`],
    ['post', `${products}/${id}/retire`],
    ['put', '/v1/staff/variants/KET-1/prices', { prices: { EUR: 1 } }],
    ['put', products, { rows: [{}] }],
  ]
  for (const token of tokens) {
    for (const [method, path, body] of writes) {
      const response = await cell.call(method, path, { token, body })
      expect(await problemOf(response)).toMatchObject({ status: 403, code: 'access.denied' })
    }
  }
  expect(await cell.audits(id)).toHaveLength(1)
})
