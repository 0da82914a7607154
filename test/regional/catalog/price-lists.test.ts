/** The verbs of price lists: what each does, refuses, ticks and leaves in the audit. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LISTS_OF_PRODUCT_MAX } from '../../../regional/modules/catalog/price-lists.ts'
import { VARIANTS_OF_LIST_MAX } from '../../../regional/modules/catalog/set-list-prices.ts'
import type { PriceList } from '../../../shared/contracts/price-lists.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { problemOf } from './fixtures.ts'
import { inSeconds, type PriceListCell, startPriceListCell } from './price-list-cell.ts'

let cell: PriceListCell
beforeAll(async () => {
  cell = await startPriceListCell()
})
afterAll(() => cell.close())

describe('a price list', () => {
  test('is created without prices, changed, read with its prices, and deleted, each with its audit row', async () => {
    const { sku } = await cell.onSale()
    const list = await cell.newList({ customerGroup: 'wholesale', endsAt: '2100-01-01T00:00:00Z' })
    expect(list).toMatchObject({
      customerGroup: 'wholesale',
      startsAt: null,
      endsAt: '2100-01-01T00:00:00.000Z',
      priority: 0,
    })
    const path = `/v1/staff/price-lists/${list.id}`
    expect(await cell.staff('get', path)).toEqual({ list, items: [], next: null })
    await cell.listPrices(list, { [sku]: 4_000 })
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
    const lists = [await cell.newList(), await cell.newList(), await cell.newList()]
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
    const skus = [
      (await cell.onSale()).sku,
      (await cell.onSale()).sku,
      (await cell.onSale()).sku,
    ].sort()
    const [list] = lists as [PriceList]
    await cell.listPrices(list, Object.fromEntries(skus.map((sku) => [sku, 1])))
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
    const { id } = await cell.newList()
    const token = await accessToken({ scopes: ['catalogue:read'] })
    const path = `/v1/staff/price-lists/${id}`
    expect((await cell.call('get', path, { token })).status).toBe(200)
    expect((await cell.call('delete', path, { token })).status).toBe(403)
  })

  test('that is written again as it is ticks nothing and is in no audit', async () => {
    const { sku } = await cell.onSale()
    const list = await cell.newList({ customerGroup: 'vip', startsAt: inSeconds(3_600) })
    await cell.listPrices(list, { [sku]: 4_000 })
    const before = await cell.audits(list.id)
    const { name, customerGroup, startsAt, endsAt, priority } = list
    const ticks = await cell.ticksOf(async () => {
      await cell.listPrices(list, { [sku]: 4_000 })
      const patch = { name, customerGroup, startsAt, endsAt, priority }
      await cell.staff('patch', `/v1/staff/price-lists/${list.id}`, patch)
    })
    expect(ticks).toEqual([])
    expect(await cell.audits(list.id)).toEqual(before)
  })

  test('ticks what readers may see otherwise by it, and no handle', async () => {
    const { id, sku } = await cell.onSale()
    const list = await cell.newList({ customerGroup: 'vip' })
    const ticks = await cell.ticksOf(async () => {
      await cell.listPrices(list, { [sku]: 4_000 })
      await cell.staff('patch', `/v1/staff/price-lists/${list.id}`, { name: 'Another' })
      await cell.staff('delete', `/v1/staff/price-lists/${list.id}`)
    })
    expect(ticks).toEqual([
      [`product:${id}`, 'products'],
      [`product:${id}`, 'products'],
    ])
  })

  test('with more variants than it may name is refused, and stays as it was', async () => {
    const { id, sku } = await cell.onSale()
    const list = await cell.newList()
    await queryRows(
      cell.url,
      `with many as (
         insert into variant (id, product_id, sku, options, position)
         select 'var_many_' || i, $1, 'MANY-' || i, '{}', i
         from generate_series(1, ${VARIANTS_OF_LIST_MAX}) i returning id)
       insert into price_list_price (list_id, variant_id, currency, amount_minor)
       select $2, id, 'EUR', 1 from many`,
      [id, list.id],
    )
    const body = { variants: [{ sku, prices: { EUR: 1 } }] }
    const path = `/v1/staff/price-lists/${list.id}/prices`
    expect(await problemOf(await cell.tryStaff('put', path, { body }))).toMatchObject({
      status: 409,
      code: 'pricelist.too_many',
    })
    const of = await queryRows(
      cell.url,
      `select 1 from price_list_price listed join variant on variant.id = listed.variant_id
       where listed.list_id = $1 and variant.sku = $2`,
      [list.id, sku],
    )
    expect(of).toEqual([])
    body.variants[0]!.sku = 'MANY-1'
    body.variants[0]!.prices.EUR = 2
    expect((await cell.tryStaff('put', path, { body })).status).toBe(200)
  })

  test('more than a product may have is refused, and one that has ended does not count', async () => {
    const { sku } = await cell.onSale()
    const lists: PriceList[] = []
    for (let index = 0; index < LISTS_OF_PRODUCT_MAX; index += 1) {
      lists.push(
        await cell.newList({ customerGroup: `group-${index}`, endsAt: inSeconds(9_000 + index) }),
      )
      await cell.listPrices(lists.at(-1)!, { [sku]: 1_000 + index })
    }
    const ended = await cell.newList({ endsAt: '2020-01-01T00:00:00Z' })
    const variants = [{ sku, prices: { EUR: 1 } }]
    await cell.listPrices(ended, { [sku]: 1 })
    const another = await cell.newList()
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
