/** Price lists: their verbs, and whose prices are shown, listed and charged when. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pricedVariants } from '../../../regional/modules/catalog/index.ts'
import { LISTS_OF_PRODUCT_MAX } from '../../../regional/modules/catalog/price-lists.ts'
import type { Product, ProductPage, ProductSort } from '../../../shared/contracts/catalog.ts'
import type { PriceList } from '../../../shared/contracts/price-lists.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { type CatalogCell, problemOf, productInput, startCatalogCell } from './fixtures.ts'

let cell: CatalogCell
beforeAll(async () => {
  cell = await startCatalogCell()
})
afterAll(() => cell.close())

let made = 0

/** A product on sale at EUR 50, and its SKU. */
async function onSale(more: object = {}): Promise<{ id: string; handle: string; sku: string }> {
  made += 1
  const input = productInput(10_000 + made)
  const sku = input.variants[0]!.sku
  const variants = [{ sku, prices: { EUR: 5_000, USD: 6_000 } }]
  const { id } = await cell.publishedProduct({ ...input, variants, ...more })
  return { id, handle: input.handle, sku }
}

async function newList(more: object = {}): Promise<PriceList> {
  made += 1
  return await cell.staff('post', '/v1/staff/price-lists', {
    handle: `list-${made}`,
    name: `List ${made}`,
    ...more,
  })
}

/** @param prices EUR by SKU. */
async function setPrices({ id }: PriceList, prices: Record<string, number | null>): Promise<void> {
  const variants = Object.entries(prices).map(([sku, EUR]) => ({ sku, prices: { EUR } }))
  await cell.staff('put', `/v1/staff/price-lists/${id}/prices`, { variants })
}

const asGroup = (path: string, group: string | null) =>
  group === null ? path : `${path}${path.includes('?') ? '&' : '?'}group=${group}`

async function pageOf(handle: string, group: string | null = null) {
  const response = await cell.call('get', asGroup(`/v1/products/${handle}?market=de`, group))
  expect(response.status).toBe(200)
  const { variants } = (await response.json()) as Product
  const life = response.headers.get('tradewind-life')
  return {
    amounts: variants.map(({ price }) => price.amountMinor),
    lifeSeconds: life === null ? null : Number(life),
  }
}

async function priceOf(handle: string, group: string | null = null): Promise<number> {
  return (await pageOf(handle, group)).amounts[0]!
}

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString()

describe('a price list', () => {
  test('is created without prices, changed, read with its prices, and deleted, each with its audit row', async () => {
    const { sku } = await onSale()
    const list = await newList({ customerGroup: 'wholesale', endsAt: '2100-01-01T00:00:00Z' })
    expect(list).toMatchObject({
      customerGroup: 'wholesale',
      startsAt: null,
      endsAt: '2100-01-01T00:00:00.000Z',
      priority: 0,
    })
    const path = `/v1/staff/price-lists/${list.id}`
    expect(await cell.staff('get', path)).toEqual({ list, items: [], next: null })
    await setPrices(list, { [sku]: 4_000 })
    expect(await cell.staff('get', path)).toEqual({
      list,
      items: [{ sku, prices: { EUR: 4_000 } }],
      next: null,
    })
    const changed = await cell.staff('patch', path, { name: 'Trade', priority: 3 })
    expect(changed).toEqual({ ...list, name: 'Trade', priority: 3 })
    expect(await cell.staff('delete', path)).toEqual(changed)
    expect(await problemOf(await cell.tryStaff('get', path))).toMatchObject({
      status: 404,
      code: 'pricelist.unknown',
    })
    expect((await cell.audits(list.id)).map(({ action }) => action)).toEqual([
      'price_list.created',
      'price_list.prices_set',
      'price_list.updated',
      'price_list.deleted',
    ])
  })

  test('and its prices are read in pages, by handle and by SKU', async () => {
    const lists = [await newList(), await newList(), await newList()]
    const handles: string[] = []
    let next: string | null = ''
    while (next !== null) {
      const after: string = next === '' ? '' : `&after=${next}`
      const page: { items: PriceList[]; next: string | null } = await cell.staff(
        'get',
        `/v1/staff/price-lists?limit=2${after}`,
      )
      handles.push(...page.items.map(({ handle }) => handle))
      next = page.next
    }
    expect(handles).toEqual(handles.toSorted())
    for (const { handle } of lists) expect(handles).toContain(handle)
    const skus = [(await onSale()).sku, (await onSale()).sku, (await onSale()).sku].sort()
    const [list] = lists as [PriceList]
    await setPrices(list, Object.fromEntries(skus.map((sku) => [sku, 1])))
    const path = `/v1/staff/price-lists/${list.id}?limit=2`
    const first = await cell.staff<{ items: { sku: string }[]; next: string }>('get', path)
    expect(first).toMatchObject({ items: [{ sku: skus[0] }, { sku: skus[1] }], next: skus[1] })
    expect(await cell.staff('get', `${path}&after=${first.next}`)).toMatchObject({
      items: [{ sku: skus[2] }],
      next: null,
    })
  })

  test.each([
    [
      'create',
      'post',
      '',
      { handle: 'refused', name: 'x', startsAt: inSeconds(9), endsAt: inSeconds(8) },
      'request.invalid',
      '/endsAt',
    ],
    [
      'change',
      'patch',
      '/LIST',
      { startsAt: '2100-01-01T00:00:00Z' },
      'request.invalid',
      '/endsAt',
    ],
    ['change', 'patch', '/LIST', { endsAt: '0000-01-01T00:00:00Z' }, 'request.invalid', '/endsAt'],
    ['create', 'post', '', { handle: 'taken', name: 'x' }, 'pricelist.handle_taken', '/handle'],
    [
      'set',
      'put',
      '/LIST/prices',
      { variants: [{ sku: 'NO-SUCH', prices: { EUR: 1 } }] },
      'variant.unknown',
      '/variants/0/sku',
    ],
    [
      'set',
      'put',
      '/LIST/prices',
      {
        variants: [
          { sku: 'TWICE', prices: { EUR: 1 } },
          { sku: 'TWICE', prices: { EUR: 2 } },
        ],
      },
      'request.invalid',
      '/variants/1/sku',
    ],
  ])(
    'refuses to %s what is at fault, and names it: %s %s %j',
    async (_, method, path, body, code, pointer) => {
      const taken = await cell.tryStaff('post', '/v1/staff/price-lists', {
        body: { handle: 'taken', name: 'Taken', endsAt: '2099-01-01T00:00:00Z' },
      })
      const [{ id }] = (await queryRows<{ id: string }>(
        cell.url,
        `select id from price_list where handle = 'taken'`,
      )) as [{ id: string }]
      await taken.text()
      const { audits, lists } = await footprint()
      const response = await cell.tryStaff(
        method,
        `/v1/staff/price-lists${path.replace('LIST', id)}`,
        { body },
      )
      expect(await problemOf(response)).toMatchObject({ code, pointers: [pointer] })
      expect(await footprint()).toEqual({ audits, lists })
    },
  )

  async function footprint() {
    const [row] = await queryRows<{ audits: number; lists: unknown }>(
      cell.url,
      `select (select count(*)::int from audit) as audits,
        (select json_agg(list order by id) from price_list list) as lists`,
    )
    return row!
  }

  test('is nobody’s to read or write without the scope', async () => {
    const { id } = await newList()
    const token = await accessToken({ scopes: ['catalogue:read'] })
    const path = `/v1/staff/price-lists/${id}`
    expect((await cell.call('get', path, { token })).status).toBe(200)
    expect((await cell.call('delete', path, { token })).status).toBe(403)
  })

  test('that is written again as it is ticks nothing and is in no audit', async () => {
    const { sku } = await onSale()
    const list = await newList({ customerGroup: 'vip', startsAt: inSeconds(3_600) })
    await setPrices(list, { [sku]: 4_000 })
    const before = await cell.audits(list.id)
    const { name, customerGroup, startsAt, endsAt, priority } = list
    const ticks = await cell.ticksOf(async () => {
      await setPrices(list, { [sku]: 4_000 })
      const patch = { name, customerGroup, startsAt, endsAt, priority }
      await cell.staff('patch', `/v1/staff/price-lists/${list.id}`, patch)
    })
    expect(ticks).toEqual([])
    expect(await cell.audits(list.id)).toEqual(before)
  })

  test('ticks what readers may see otherwise by it, and no handle', async () => {
    const { id, sku } = await onSale()
    const list = await newList({ customerGroup: 'vip' })
    const ticks = await cell.ticksOf(async () => {
      await setPrices(list, { [sku]: 4_000 })
      await cell.staff('patch', `/v1/staff/price-lists/${list.id}`, { name: 'Another' })
      await cell.staff('delete', `/v1/staff/price-lists/${list.id}`)
    })
    expect(ticks).toEqual([
      [`product:${id}`, 'products'],
      [`product:${id}`, 'products'],
    ])
  })

  test('more than a product may have is refused, and one that has ended does not count', async () => {
    const { sku } = await onSale()
    const lists: PriceList[] = []
    for (let index = 0; index < LISTS_OF_PRODUCT_MAX; index += 1) {
      lists.push(
        await newList({ customerGroup: `group-${index}`, endsAt: inSeconds(9_000 + index) }),
      )
      await setPrices(lists.at(-1)!, { [sku]: 1_000 + index })
    }
    const ended = await newList({ endsAt: '2020-01-01T00:00:00Z' })
    const variants = [{ sku, prices: { EUR: 1 } }]
    await setPrices(ended, { [sku]: 1 })
    const another = await newList()
    const refused = [
      await cell.tryStaff('put', `/v1/staff/price-lists/${another.id}/prices`, {
        body: { variants },
      }),
      await cell.tryStaff('patch', `/v1/staff/price-lists/${ended.id}`, { body: { endsAt: null } }),
    ]
    for (const response of refused) {
      expect(await problemOf(response)).toMatchObject({ status: 409, code: 'pricelist.too_many' })
    }
    const [rows] = await queryRows<{ documents: number }>(
      cell.url,
      `select count(*)::int as documents from product_document
       where handle = (select handle from product join variant on variant.product_id = product.id
         where variant.sku = $1) and market = 'de' and locale = 'de'`,
      [sku],
    )
    // Everybody's, and of each group one phase up to the end of its list and one after.
    expect(rows!.documents).toBe(1 + 2 * LISTS_OF_PRODUCT_MAX)
  })
})

describe('the price that is shown', () => {
  test('is the group’s for the group and everybody’s for all others', async () => {
    const { handle, sku } = await onSale()
    await setPrices(await newList({ customerGroup: 'wholesale' }), { [sku]: 4_000 })
    expect(await priceOf(handle)).toBe(5_000)
    expect(await priceOf(handle, 'vip')).toBe(5_000)
    expect(await priceOf(handle, 'wholesale')).toBe(4_000)
    await setPrices(await newList({ priority: 1 }), { [sku]: 3_000 })
    expect(await priceOf(handle)).toBe(3_000)
    expect(await priceOf(handle, 'wholesale')).toBe(3_000)
  })

  test('is the list’s from its start until its end, by entries whose life ends with each phase', async () => {
    const { handle, sku } = await onSale()
    const list = await newList({ startsAt: inSeconds(1.2), endsAt: inSeconds(2.4) })
    await setPrices(list, { [sku]: 100 })
    const seen: number[] = []
    const began = Date.now()
    for (let amount = -1; Date.now() - began < 20_000; ) {
      const { amounts, lifeSeconds } = await pageOf(handle)
      const [now] = amounts
      if (now !== amount) seen.push(now!)
      amount = now!
      if (seen.length === 3) {
        expect(lifeSeconds).toBeNull()
        break
      }
      expect(lifeSeconds).toBeLessThanOrEqual(2)
      expect(lifeSeconds).toBeGreaterThanOrEqual(0)
    }
    expect(seen).toEqual([5_000, 100, 5_000])
    // The phases that are over are still there, and the next write takes them away.
    const count = () => rowCount(sku)
    expect(await count()).toBeGreaterThan(await settled(sku, count))
  })

  async function settled(sku: string, count: () => Promise<number>): Promise<number> {
    await cell.staff('put', `/v1/staff/variants/${sku}/prices`, { prices: { EUR: 5_001 } })
    return await count()
  }

  async function rowCount(sku: string): Promise<number> {
    const [row] = await queryRows<{ rows: number }>(
      cell.url,
      `select (select count(*) from product_document where product_id = variant.product_id)
        + (select count(*) from listing where product_id = variant.product_id) as rows
       from variant where sku = $1`,
      [sku],
    )
    return Number(row!.rows)
  }

  test('when a phase has come, a write that leaves it alone ticks nothing', async () => {
    const { handle, sku } = await onSale()
    const list = await newList({ startsAt: inSeconds(0.5) })
    await setPrices(list, { [sku]: 100 })
    await expect.poll(() => priceOf(handle)).toBe(100)
    const ticks = await cell.ticksOf(() =>
      cell.staff('put', `/v1/staff/variants/${sku}/prices`, { prices: { EUR: 5_500 } }),
    )
    expect(ticks).toEqual([])
    expect(await pageOf(handle)).toEqual({ amounts: [100], lifeSeconds: null })
  })

  test('ends the life of lists that hold the product, and of no other list', async () => {
    await cell.createCategory('scheduled')
    await cell.createCategory('steady')
    const { sku } = await onSale({ categories: ['scheduled'] })
    await onSale({ categories: ['steady'] })
    const groups = await newList({ customerGroup: 'vip', startsAt: inSeconds(100) })
    await setPrices(groups, { [sku]: 100 })
    const lifeOf = async (category: string, group: string | null) => {
      const path = asGroup(`/v1/products?market=de&category=${category}`, group)
      const life = (await cell.call('get', path)).headers.get('tradewind-life')
      return life === null ? null : Number(life)
    }
    const near = expect.toSatisfy((life: number) => life > 80 && life <= 100)
    expect(await lifeOf('scheduled', 'vip')).toEqual(near)
    expect(await lifeOf('scheduled', null)).toBeNull()
    expect(await lifeOf('scheduled', 'wholesale')).toBeNull()
    expect(await lifeOf('steady', 'vip')).toBeNull()
    await cell.staff('patch', `/v1/staff/price-lists/${groups.id}`, { customerGroup: null })
    expect(await lifeOf('scheduled', null)).toEqual(near)
    expect(await lifeOf('scheduled', 'vip')).toEqual(near)
  })
})

describe('a list of products', () => {
  const SORTS: ProductSort[] = ['newest', 'name', 'price', '-price']
  const PRODUCTS = 24

  beforeAll(async () => {
    await cell.createCategory('merged')
    const skus: string[] = []
    for (let index = 0; index < PRODUCTS; index += 1) {
      const price = 1_000 + (index % 5) * 100
      const sku = `MERGED-${index}`
      await onSale({
        categories: ['merged'],
        translations: { en: { name: `Name ${index % 4}` } },
        variants: [{ sku, prices: { EUR: price } }],
      })
      skus.push(sku)
    }
    const priced = (amounts: (index: number) => number | null) =>
      Object.fromEntries(
        skus.flatMap((sku, index) => {
          const amount = amounts(index)
          return amount === null ? [] : [[sku, amount]]
        }),
      )
    const [some, all] = [
      await newList({ customerGroup: 'some' }),
      await newList({ customerGroup: 'all' }),
    ]
    await setPrices(
      some,
      priced((index) => (index % 3 === 0 ? 900 + index * 40 : null)),
    )
    await setPrices(
      all,
      priced((index) => 700 + ((index * 7) % 24) * 10),
    )
    const later = await newList({ customerGroup: 'some', startsAt: inSeconds(3_600), priority: 9 })
    await setPrices(
      later,
      priced((index) => (index % 2 === 0 ? 1 : null)),
    )
  })

  describe.each(['some', 'all', 'none'])('of the group %s', (group) => {
    test.each(SORTS)(
      'sorted by %s holds each product once, with the group’s price, in the order of those',
      async (sort) => {
        for (const limit of [1, 5, 7, PRODUCTS]) {
          const items: ProductPage['items'] = []
          let after = ''
          for (let pages = 0; pages <= PRODUCTS; pages += 1) {
            const path = `/v1/products?market=de&category=merged&sort=${sort}&limit=${limit}${after}`
            const page = (await (
              await cell.call('get', asGroup(path, group))
            ).json()) as ProductPage
            items.push(...page.items)
            if (page.next === null) break
            after = `&after=${page.next}`
          }
          expect(new Set(items.map(({ id }) => id)).size).toBe(PRODUCTS)
          expect(items).toHaveLength(PRODUCTS)
          for (const { handle, priceFrom } of items) {
            if (limit === PRODUCTS) expect(priceFrom.amountMinor).toBe(await priceOf(handle, group))
          }
          const amounts = items.map(({ priceFrom }) => priceFrom.amountMinor)
          const direction = sort === '-price' ? -1 : 1
          if (sort.endsWith('price')) {
            expect(amounts).toEqual(amounts.toSorted((one, other) => direction * (one - other)))
          }
        }
      },
    )
  })
})

test('what a cart is charged is what the page shows, for everybody and every group, now and later', async () => {
  const { db } = cell.services
  const groups = [null, 'vip', 'wholesale']
  for (let round = 0; round < 6; round += 1) {
    const { handle, sku } = await onSale()
    for (let index = 0; index < 4; index += 1) {
      const list = await newList({
        customerGroup: groups[(round + index) % 3],
        priority: (round * index) % 3,
        startsAt: index === 1 ? inSeconds(-60) : index === 2 ? inSeconds(0.4) : null,
        endsAt: index === 3 ? inSeconds(60) : null,
      })
      await setPrices(list, { [sku]: 1_000 + ((round * 31 + index * 17) % 7) * 100 })
    }
    const charged = async (group: string | null) => {
      const asked = { skus: [sku], market: 'de', locale: 'de', group }
      return (await pricedVariants(db, asked))[0]!.unitPriceMinor
    }
    for (const group of groups) {
      await expect.poll(async () => (await charged(group)) - (await priceOf(handle, group))).toBe(0)
    }
  }
})
