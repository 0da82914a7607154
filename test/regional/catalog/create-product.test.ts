/** Creating products. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StaffProduct } from '../../../shared/contracts/catalog.ts'
import { queryRows } from '../../support/database.ts'
import { type CatalogCell, problemOf, productInput, startCatalogCell } from './fixtures.ts'

let cell: CatalogCell
beforeAll(async () => {
  cell = await startCatalogCell()
  await cell.createCategory('kitchen')
  await cell.createCategory('garden')
})
afterAll(() => cell.close())

const products = '/v1/staff/products'
const statusOf = async (handle: string) => (await cell.call('get', `/v1/products/${handle}`)).status

describe('createProduct', () => {
  test('creates a draft with every field, its stock opened, that no shopper sees and no tick tells of', async () => {
    const input = {
      ...productInput(1_000),
      brand: 'Ostwind',
      categories: ['kitchen', 'garden'],
      options: [{ name: 'Größe', values: ['1 l', '2 l'] }],
      attributes: { watts: 1_500, cordless: true, material: 'Stahl' },
      media: [{ url: 'https://img.example.com/k.jpg', alt: 'Kessel' }],
      variants: [
        { sku: 'K-1', options: { Größe: '1 l' }, prices: { EUR: 100 }, available: 3 },
        { sku: 'K-2', options: { Größe: '2 l' }, prices: {} },
      ],
    }
    let created: StaffProduct | undefined
    const ticks = await cell.ticksOf(async () => {
      created = await cell.staff<StaffProduct>('post', products, input)
    })
    expect(ticks).toEqual([])
    const { variants, ...rest } = input
    expect(created).toEqual({
      ...rest,
      id: created!.id,
      externalId: null,
      status: 'draft',
      variants: variants.map(({ sku, options, prices }) => ({ sku, options, prices })),
    })
    expect(await statusOf(input.handle)).toBe(404)
    expect(await cell.staff('get', `${products}/${created!.id}`)).toEqual(created)
    const levels = await queryRows(
      cell.url,
      `select sku, available from stock_level where sku like 'K-_' order by sku`,
    )
    expect(levels).toEqual([
      { sku: 'K-1', available: 3 },
      { sku: 'K-2', available: 0 },
    ])
    expect(await cell.audits(created!.id)).toEqual([
      { actor: 'stf_test', action: 'product.created', requestId: 'test' },
    ])
  })

  test('a repeated key returns the first product and creates one', async () => {
    const call = { body: productInput(1_001), idempotencyKey: 'create-product-twice' }
    const first = await cell.tryStaff('post', products, call)
    const second = await cell.tryStaff('post', products, call)
    expect([first.status, second.status]).toEqual([201, 201])
    const { id } = (await first.json()) as StaffProduct
    expect(((await second.json()) as StaffProduct).id).toBe(id)
    expect(await cell.audits(id)).toHaveLength(1)
    const other = { ...call, body: productInput(1_002) }
    expect((await cell.tryStaff('post', products, other)).status).toBe(422)
  })

  test('a handle or SKU of another product is refused, and nothing is left of the attempt', async () => {
    await cell.createProduct(productInput(1_003))
    const sameHandle = { ...productInput(1_004), handle: 'kettle-1003' }
    expect(await problemOf(await cell.tryStaff('post', products, { body: sameHandle }))).toEqual({
      status: 409,
      code: 'product.handle_taken',
      pointers: ['/handle'],
    })
    const sameSku = {
      ...productInput(1_004),
      options: [{ name: 'Size', values: ['S', 'M'] }],
      variants: [
        { sku: 'KET-1004', options: { Size: 'S' }, prices: {} },
        { sku: 'KET-1003', options: { Size: 'M' }, prices: {} },
      ],
    }
    expect(await problemOf(await cell.tryStaff('post', products, { body: sameSku }))).toEqual({
      status: 409,
      code: 'variant.sku_taken',
      pointers: ['/variants/1/sku'],
    })
    const left = await queryRows(
      cell.url,
      `select handle as name from product where handle = 'kettle-1004'
       union all select sku from stock_level where sku = 'KET-1004'`,
    )
    expect(left).toEqual([])
  })

  test('an unknown category is named', async () => {
    const body = { ...productInput(1_005), categories: ['kitchen', 'attic'] }
    expect(await problemOf(await cell.tryStaff('post', products, { body }))).toEqual({
      status: 404,
      code: 'category.unknown',
      pointers: ['/categories/1'],
    })
  })

  const size = [{ name: 'Size', values: ['S', 'M'] }]
  const variant = (sku: string, options: Record<string, string>) => ({ sku, options, prices: {} })
  test.each([
    ['an option the product lacks', [], [variant('A', { Size: 'S' })], '/variants/0/options'],
    ['a value not listed', size, [variant('A', { Size: 'XL' })], '/variants/0/options'],
    ['an option left out', size, [variant('A', {})], '/variants/0/options'],
    [
      'a combination twice',
      size,
      [variant('A', { Size: 'S' }), variant('B', { Size: 'S' })],
      '/variants/1/options',
    ],
    [
      'a SKU twice',
      size,
      [variant('A', { Size: 'S' }), variant('A', { Size: 'M' })],
      '/variants/1/sku',
    ],
    ['two variants and no option', [], [variant('A', {}), variant('B', {})], '/variants/1/options'],
    ['an option name twice', [...size, ...size], [variant('A', { Size: 'S' })], '/options/1/name'],
    [
      'a value twice',
      [{ name: 'Size', values: ['S', 'S'] }],
      [variant('A', { Size: 'S' })],
      '/options/0/values/1',
    ],
  ])('%s is refused where it stands', async (_, options, variants, pointer) => {
    const body = { ...productInput(1_006), options, variants }
    expect(await problemOf(await cell.tryStaff('post', products, { body }))).toEqual({
      status: 400,
      code: 'request.invalid',
      pointers: [pointer],
    })
  })

  const name = (text: string) => ({ translations: { en: { name: text } } })
  test.each<[string, object, string]>([
    ['NUL in a name', name('a\0b'), '/translations/en/name'],
    ['a lone surrogate in a name', name('a\ud800b'), '/translations/en/name'],
    ['an empty name', name(''), '/translations/en/name'],
    ['no translation', { translations: {} }, '/translations'],
    [
      'a locale that is none',
      { translations: { 'de_DE!': { name: 'x' } } },
      '/translations/de_DE!',
    ],
    ['NUL in an attribute', { attributes: { a: '\0' } }, '/attributes/a'],
    ['an attribute that is an object', { attributes: { a: {} } }, '/attributes/a'],
    [
      'a lone surrogate in a URL',
      { media: [{ url: 'https://a.example/\ud800', alt: '' }] },
      '/media/0/url',
    ],
    ['NUL in a URL', { media: [{ url: 'https://a.example/\0', alt: '' }] }, '/media/0/url'],
    [
      'a URL that runs script',
      { media: [{ url: 'javascript:alert(1)', alt: '' }] },
      '/media/0/url',
    ],
    [
      'a negative price',
      { variants: [{ sku: 'X', prices: { EUR: -1 } }] },
      '/variants/0/prices/EUR',
    ],
    [
      'a fraction of a cent',
      { variants: [{ sku: 'X', prices: { EUR: 1.5 } }] },
      '/variants/0/prices/EUR',
    ],
    [
      'an enormous price',
      { variants: [{ sku: 'X', prices: { EUR: 1e15 } }] },
      '/variants/0/prices/EUR',
    ],
    [
      'an unknown currency',
      { variants: [{ sku: 'X', prices: { XXX: 1 } }] },
      '/variants/0/prices/XXX',
    ],
    ['negative stock', { variants: [{ sku: 'X', available: -1 }] }, '/variants/0/available'],
    ['no variant', { variants: [] }, '/variants'],
    ['a SKU with a space', { variants: [{ sku: 'X Y' }] }, '/variants/0/sku'],
    ['a handle with capitals', { handle: 'Kettle' }, '/handle'],
    ['an unknown field', { colour: 'red' }, '/colour'],
  ])('%s is refused where it stands', async (_, fault, pointer) => {
    const body = { ...productInput(1_007), ...fault }
    const { status, code, pointers } = await problemOf(
      await cell.tryStaff('post', products, { body }),
    )
    expect([status, code]).toEqual([400, 'request.invalid'])
    expect(pointers).toContain(pointer)
    expect(
      await queryRows(cell.url, `select id from product where handle = 'kettle-1007'`),
    ).toEqual([])
  })
})
