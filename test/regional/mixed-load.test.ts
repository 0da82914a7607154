/** Everything at once: imports, prices, renamed categories, counts, orders and reactions on the same rows. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { putMarkets } from '../../regional/modules/catalog/index.ts'
import { allMarkets } from '../../regional/modules/catalog/markets.ts'
import { priceListsOf } from '../../regional/modules/catalog/price-lists.ts'
import { productRecords } from '../../regional/modules/catalog/product-record.ts'
import { rowsOf } from '../../regional/modules/catalog/show-products.ts'
import { modules } from '../../regional/modules/index.ts'
import { type Jobs, startJobs } from '../../regional/platform/jobs.ts'
import type { StaffProduct } from '../../shared/contracts/catalog.ts'
import type { PriceList } from '../../shared/contracts/price-lists.ts'
import { queryRows } from '../support/database.ts'
import { ledgerFaults, type OpenedCart, order } from '../support/shop.ts'
import { type CatalogCell, MARKETS, startCatalogCell, system } from './catalog/fixtures.ts'

const PRODUCTS = 12
const WORKERS = 16
const ROUNDS = 25

let cell: CatalogCell
let jobs: Jobs
let products: StaffProduct[]
let categories: string[]
let priceLists: string[]

beforeAll(async () => {
  cell = await startCatalogCell()
  const made = await Promise.all(
    ['tea', 'pots', 'cups'].map((handle) => cell.createCategory(handle)),
  )
  categories = made.map((category) => category.id)
  const lists = await Promise.all(
    ['one', 'two', 'three'].map((handle) =>
      cell.staff<PriceList>('post', '/v1/staff/price-lists', { handle, name: handle }),
    ),
  )
  priceLists = lists.map((list) => list.id)
  await importAll('first')
  const rows = await queryRows<{ id: string }>(cell.url, 'select id from product order by handle')
  products = await Promise.all(
    rows.map(({ id }) => cell.staff<StaffProduct>('get', `/v1/staff/products/${id}`)),
  )
  jobs = await startJobs(cell.services, modules)
})
afterAll(async () => {
  await jobs.stop()
  await cell.close()
})

const skuOf = (number: number) => `LOAD-${number}`

function importRow(number: number, name: string) {
  return {
    externalId: `ext-${number}`,
    handle: `load-${number}`,
    translations: { de: { name: `${name} ${number}` }, en: { name: `${name} ${number}` } },
    categories: number % 2 === 0 ? ['tea', 'pots'] : ['cups', 'tea'],
    variants: [{ sku: skuOf(number), prices: { EUR: 1_000, USD: 1_100 }, available: 20 }],
  }
}

async function importAll(name: string): Promise<number> {
  const rows = Array.from({ length: PRODUCTS }, (_, number) => importRow(number, name))
  const response = await cell.tryStaff('put', '/v1/staff/products', { body: { rows } })
  return response.status
}

/** The same choices in every run: a linear congruential generator (Numerical Recipes). */
function chooser(seed: number) {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

type Act = (choose: (below: number) => number, mark: string) => Promise<number>

async function staffStatus(method: string, path: string, body?: unknown): Promise<number> {
  return (await cell.tryStaff(method, path, body === undefined ? {} : { body })).status
}

const acts: Record<string, Act> = {
  import: (_, mark) => importAll(mark),
  price: (choose) =>
    staffStatus('put', `/v1/staff/variants/${skuOf(choose(PRODUCTS))}/prices`, {
      prices: { EUR: 1_000 + choose(3) },
    }),
  listPrices: (choose) =>
    staffStatus('put', `/v1/staff/price-lists/${priceLists[choose(3)]}/prices`, {
      variants: [0, 3, 7].map((n) => ({
        sku: skuOf((n + choose(3)) % PRODUCTS),
        prices: { EUR: choose(4) === 0 ? null : 900 + choose(3) },
      })),
    }),
  priceList: (choose) =>
    staffStatus('patch', `/v1/staff/price-lists/${priceLists[choose(3)]}`, {
      customerGroup: [null, 'vip', 'wholesale'][choose(3)],
      startsAt: [null, '2100-01-01T00:00:00Z', '2000-01-01T00:00:00Z'][choose(3)],
      endsAt: [null, '2101-01-01T00:00:00Z'][choose(2)],
      priority: choose(2),
    }),
  rename: (choose, mark) =>
    staffStatus('patch', `/v1/staff/categories/${categories[choose(categories.length)]}`, {
      translations: { de: { name: mark } },
    }),
  markets: async (choose) => {
    const market = { ...MARKETS[1]!, name: `Deutschland ${choose(3)}` }
    await cell.services.db.inTransaction((tx) => putMarkets(tx, system, [market]))
    return 200
  },
  edit: (choose, mark) =>
    staffStatus('patch', `/v1/staff/products/${products[choose(PRODUCTS)]!.id}`, { brand: mark }),
  retire: (choose) =>
    staffStatus('post', `/v1/staff/products/${products[choose(PRODUCTS)]!.id}/retire`),
  publish: (choose) =>
    staffStatus('post', `/v1/staff/products/${products[choose(PRODUCTS)]!.id}/publish`),
  count: (choose) =>
    staffStatus('put', `/v1/staff/stock/${skuOf(choose(PRODUCTS))}`, { available: choose(12) }),
  buy: async (choose) => {
    const first = choose(PRODUCTS)
    const lines = [first, (first + 1 + choose(PRODUCTS - 1)) % PRODUCTS]
    const paymentMethod = choose(3) === 0 ? 'test_decline' : 'test_accept'
    const body = { market: 'de', lines: lines.map((n) => ({ sku: skuOf(n), quantity: 2 })) }
    const opened = await cell.call('post', '/v1/carts', { body })
    if (opened.status !== 201) return opened.status
    const { cart, secret } = (await opened.json()) as Pick<OpenedCart, 'cart' | 'secret'>
    const copies = [1, 2].map(() =>
      order(
        cell,
        { id: cart.id, secret, cart },
        { paymentMethod, idempotencyKey: `key-of-${cart.id}` },
      ),
    )
    const statuses = (await Promise.all(copies)).map((response) => response.status)
    return statuses.find((status) => status !== 409) ?? 409
  },
}

async function load(chosen: readonly string[]): Promise<Map<string, number>> {
  const statuses = new Map<string, number>()
  const worker = async (seed: number) => {
    const choose = chooser(seed)
    for (let round = 0; round < ROUNDS; round += 1) {
      const name = chosen[choose(chosen.length)]!
      const status = await acts[name]!(choose, `m${seed}r${round}`)
      const what = `${name} ${status}`
      statuses.set(what, (statuses.get(what) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, (_, seed) => worker(seed + 1)))
  return statuses
}

async function deadlocks(): Promise<number> {
  const [row] = await queryRows<{ deadlocks: number }>(
    cell.url,
    `select pg_stat_force_next_flush(), deadlocks::int from pg_stat_database where datname = current_database()`,
  )
  return row!.deadlocks
}

async function settled(): Promise<void> {
  const open = `select (select count(*) from outbox where dispatched_at is null)
    + (select count(*) from pgboss.job where name = 'show-availability' and state < 'completed') as n`
  await expect
    .poll(async () => await queryRows(cell.url, open), { timeout: 20_000 })
    .toEqual([{ n: 0 }])
}

async function expectSound(): Promise<void> {
  await settled()
  expect(await ledgerFaults(cell)).toEqual([])
  await expectGapless()
  await expectShownAsWritten()
  await expectPaidOnce()
}

async function expectGapless(): Promise<void> {
  const [feed] = await queryRows<{ n: number }>(
    cell.url,
    `select clock.n::int, count(*)::int as changes, max(change.n)::int as last
      from feed_clock clock join feed_change change using (feed)
      where feed = 'catalogue' group by clock.n`,
  )
  const n = feed!.n
  expect(feed).toEqual({ n, changes: n, last: n })
}

/** What shoppers are shown is what the tables of truth render to now, and no more. */
async function expectShownAsWritten(): Promise<void> {
  const { db } = cell.services
  const products = await queryRows<{ id: string }>(cell.url, 'select id from product')
  const records = await productRecords(
    db,
    products.map(({ id }) => id),
  )
  const markets = await allMarkets(db)
  const lists = await priceListsOf(
    db,
    products.map(({ id }) => id),
  )
  const { documents, listings } = rowsOf(records, lists, markets)
  const yearOf = (instant: string) => `case when isfinite(${instant})
    then to_char(${instant} at time zone 'UTC', 'YYYY') else ${instant}::text end`
  const phase = `customer_group as "customerGroup", market, locale,
    ${yearOf('valid_from')} as "from", ${yearOf('valid_until')} as "until"`
  const shownDocuments = await queryRows(
    cell.url,
    `select product_id as "productId", ${phase}, handle, page, etag, card from product_document`,
  )
  const shownListings = await queryRows(
    cell.url,
    `select product_id as "productId", category_id as "categoryId", ${phase},
      sort_name as "sortName", sort_price::int as "sortPrice" from listing`,
  )
  expect(sorted(shownDocuments)).toEqual(sorted(documents.map(phased)))
  const places = listings.map(({ categoryHandle, publishedAtMs, ...place }) => phased(place))
  expect(sorted(shownListings)).toEqual(sorted(places))
  const stale = `select sku from variant join stock_level level using (sku)
    where variant.availability <> level.availability`
  expect(await queryRows(cell.url, stale)).toEqual([])
}

/** By its years alone: every schedule here begins or ends with one. */
function phased({ validFrom, validUntil, ...row }: { validFrom: string; validUntil: string }) {
  const yearOf = (instant: string) => instant.replace(/^(\d{4})-.*$/, '$1')
  return { ...row, from: yearOf(validFrom), until: yearOf(validUntil) }
}

function sorted(rows: readonly object[]): object[] {
  const textOf = (row: object) => JSON.stringify(Object.entries(row).sort())
  return rows.toSorted((one, other) => (textOf(one) < textOf(other) ? -1 : 1))
}

async function expectPaidOnce(): Promise<void> {
  const wrong = `select placed.id, placed.state from "order" placed
    join payment on payment.order_id = placed.id
    left join test_provider_charge charge on charge.key = payment.id
    where (placed.state = 'confirmed') <> (charge.outcome is not distinct from 'captured')
      or placed.state = 'payment_pending'`
  expect(await queryRows(cell.url, wrong)).toEqual([])
}

const failures = (statuses: ReadonlyMap<string, number>) =>
  [...statuses.keys()].filter((what) => / 5\d\d$/.test(what))

test('everything at once deadlocks nowhere, fails nowhere, and leaves every record agreeing', async () => {
  const statuses = await load(Object.keys(acts))
  expect(failures(statuses)).toEqual([])
  expect(await deadlocks()).toBe(0)
  expect(statuses.get('buy 201')).toBeGreaterThan(0)
  await expectSound()
})

test('products that take each other’s SKUs and handles are done or refused, and never fail', async () => {
  const [left, right] = await Promise.all([cell.createProduct(), cell.createProduct()])
  const statuses = new Map<string, number>()
  const swap = async (product: StaffProduct, round: number) => {
    const [mine, other] = round % 2 === 0 ? [left, right] : [right, left]
    const own = product === left ? mine : other
    const { handle, variants } = own!
    const status = await staffStatus('patch', `/v1/staff/products/${product.id}`, {
      handle,
      variants,
    })
    statuses.set(`swap ${status}`, (statuses.get(`swap ${status}`) ?? 0) + 1)
  }
  for (let round = 0; round < 40; round += 1) {
    await Promise.all([left!, right!].map((product) => swap(product, round)))
  }
  expect(failures(statuses)).toEqual([])
  await expectSound()
})
