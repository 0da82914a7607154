/** Whose prices are shown, listed and charged, and when. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pricedVariants } from '../../../regional/modules/catalog/index.ts'
import type { ProductPage, ProductSort } from '../../../shared/contracts/catalog.ts'
import { queryRows } from '../../support/database.ts'
import {
  asGroup,
  inSeconds,
  lifeOf,
  type PriceListCell,
  startPriceListCell,
} from './price-list-cell.ts'

let cell: PriceListCell
beforeAll(async () => {
  cell = await startPriceListCell()
})
afterAll(() => cell.close())

describe('the price that is shown', () => {
  test('is the group’s for the group and everybody’s for all others', async () => {
    const { handle, sku } = await cell.onSale()
    await cell.listPrices(await cell.newList({ customerGroup: 'wholesale' }), { [sku]: 4_000 })
    expect(await cell.priceOf(handle)).toBe(5_000)
    expect(await cell.priceOf(handle, 'vip')).toBe(5_000)
    expect(await cell.priceOf(handle, 'wholesale')).toBe(4_000)
    await cell.listPrices(await cell.newList({ priority: 1 }), { [sku]: 3_000 })
    expect(await cell.priceOf(handle)).toBe(3_000)
    expect(await cell.priceOf(handle, 'wholesale')).toBe(3_000)
  })

  test('is the list’s from its start until its end, by entries whose life ends with each phase', async () => {
    const { handle, sku } = await cell.onSale()
    const list = await cell.newList({ startsAt: inSeconds(1.2), endsAt: inSeconds(2.4) })
    await cell.listPrices(list, { [sku]: 100 })
    const seen: number[] = []
    const began = Date.now()
    for (let amount = -1; Date.now() - began < 20_000; ) {
      const { amounts, lifeSeconds } = await cell.shown(handle)
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

  test('is kept for a year at most, however far away its end is', async () => {
    const { handle, sku } = await cell.onSale()
    await cell.listPrices(await cell.newList({ endsAt: '9999-12-31T23:59:59.999Z' }), { [sku]: 1 })
    const { amounts, lifeSeconds } = await cell.shown(handle)
    expect(amounts).toEqual([1])
    // The shield rounds down what is left of what Postgres said.
    expect([31_535_999, 31_536_000]).toContain(lifeSeconds)
  })

  test('when a phase has come, a write that leaves it alone ticks nothing', async () => {
    const { handle, sku } = await cell.onSale()
    const list = await cell.newList({ startsAt: inSeconds(0.5) })
    await cell.listPrices(list, { [sku]: 100 })
    await expect.poll(() => cell.priceOf(handle)).toBe(100)
    const ticks = await cell.ticksOf(() =>
      cell.staff('put', `/v1/staff/variants/${sku}/prices`, { prices: { EUR: 5_500 } }),
    )
    expect(ticks).toEqual([])
    expect(await cell.shown(handle)).toEqual({ amounts: [100], lifeSeconds: null })
  })

  test('ends the life of lists that hold the product, and of no other list', async () => {
    await cell.createCategory('scheduled')
    await cell.createCategory('steady')
    const { sku } = await cell.onSale({ categories: ['scheduled'] })
    await cell.onSale({ categories: ['steady'] })
    const groups = await cell.newList({ customerGroup: 'vip', startsAt: inSeconds(100) })
    await cell.listPrices(groups, { [sku]: 100 })
    const lifeIn = async (category: string, group: string | null) => {
      const path = asGroup(`/v1/products?market=de&category=${category}`, group)
      return lifeOf(await cell.call('get', path))
    }
    const near = expect.toSatisfy((life: number) => life > 80 && life <= 100)
    expect(await lifeIn('scheduled', 'vip')).toEqual(near)
    expect(await lifeIn('scheduled', null)).toBeNull()
    expect(await lifeIn('scheduled', 'wholesale')).toBeNull()
    expect(await lifeIn('steady', 'vip')).toBeNull()
    await cell.staff('patch', `/v1/staff/price-lists/${groups.id}`, { customerGroup: null })
    expect(await lifeIn('scheduled', null)).toEqual(near)
    expect(await lifeIn('scheduled', 'vip')).toEqual(near)
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
      await cell.onSale({
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
      await cell.newList({ customerGroup: 'some' }),
      await cell.newList({ customerGroup: 'all' }),
    ]
    await cell.listPrices(
      some,
      priced((index) => (index % 3 === 0 ? 900 + index * 40 : null)),
    )
    await cell.listPrices(
      all,
      priced((index) => 700 + ((index * 7) % 24) * 10),
    )
    const later = await cell.newList({
      customerGroup: 'some',
      startsAt: inSeconds(3_600),
      priority: 9,
    })
    await cell.listPrices(
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
            if (limit === PRODUCTS)
              expect(priceFrom.amountMinor).toBe(await cell.priceOf(handle, group))
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
    const { handle, sku } = await cell.onSale()
    for (let index = 0; index < 4; index += 1) {
      const list = await cell.newList({
        customerGroup: groups[(round + index) % 3],
        priority: (round * index) % 3,
        startsAt: index === 1 ? inSeconds(-60) : index === 2 ? inSeconds(0.4) : null,
        endsAt: index === 3 ? inSeconds(60) : null,
      })
      await cell.listPrices(list, { [sku]: 1_000 + ((round * 31 + index * 17) % 7) * 100 })
    }
    const charged = async (group: string | null) => {
      const asked = { skus: [sku], market: 'de', locale: 'de', group }
      return (await pricedVariants(db, asked))[0]!.unitPriceMinor
    }
    for (const group of groups) {
      await expect
        .poll(async () => (await charged(group)) - (await cell.priceOf(handle, group)))
        .toBe(0)
    }
  }
})
