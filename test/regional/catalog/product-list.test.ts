/** Pages of products: each product once, in order, whatever happens between two pages. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pageStatements } from '../../../regional/modules/catalog/product-list.ts'
import { documentStatements } from '../../../regional/modules/catalog/queries.ts'
import type { ProductCard, ProductPage, ProductSort } from '../../../shared/contracts/catalog.ts'
import { type CatalogCell, problemOf, startCatalogCell } from './fixtures.ts'

const PRODUCTS = 57
const SORTS: ProductSort[] = ['newest', 'name', 'price', '-price']

let cell: CatalogCell
beforeAll(async () => {
  cell = await startCatalogCell()
  await cell.createCategory('all')
  await cell.createCategory('odd')
  // Few names and prices, so that most of them tie.
  const rows = Array.from({ length: PRODUCTS }, (_, index) => ({
    externalId: `p${index}`,
    handle: `p-${index}`,
    translations: { de: { name: ['Ähre', 'Bär', 'aal', 'Übertopf'][index % 4] } },
    categories: index % 2 === 1 ? ['all', 'odd'] : ['all'],
    variants: [{ sku: `P-${index}`, prices: { EUR: 100 * (index % 3) } }],
  }))
  await cell.staff('put', '/v1/staff/products', { rows: rows.slice(0, 30) })
  await cell.staff('put', '/v1/staff/products', { rows: rows.slice(30) })
})
afterAll(() => cell.close())

async function pageOf(query: string): Promise<ProductPage> {
  const response = await cell.call('get', `/v1/products?${query}`)
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as ProductPage
}

async function allPages(query: string): Promise<ProductCard[]> {
  const items: ProductCard[] = []
  let after = ''
  for (let page = 0; page <= PRODUCTS; page += 1) {
    const { items: more, next } = await pageOf(query + after)
    items.push(...more)
    if (next === null) return items
    after = `&after=${next}`
  }
  throw new Error('the pages do not end')
}

const folded = (name: string) => name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
const ORDER: Record<ProductSort, (a: ProductCard, b: ProductCard) => number> = {
  newest: (a, b) => compare(b.id, a.id),
  name: (a, b) => compare(folded(a.name), folded(b.name)) || compare(a.id, b.id),
  price: (a, b) => a.priceFrom.amountMinor - b.priceFrom.amountMinor || compare(a.id, b.id),
  '-price': (a, b) => b.priceFrom.amountMinor - a.priceFrom.amountMinor || compare(b.id, a.id),
}
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

describe.each(SORTS)('sorted by %s', (sort) => {
  test.each([1, 7, 19, 57, 100])('pages of %i hold every product once, in order', async (limit) => {
    const items = await allPages(`sort=${sort}&limit=${limit}`)
    expect(new Set(items.map((item) => item.id)).size).toBe(PRODUCTS)
    expect(items).toHaveLength(PRODUCTS)
    expect(items).toEqual(items.toSorted(ORDER[sort]))
  })

  test('a category holds its members alone', async () => {
    const items = await allPages(`sort=${sort}&limit=5&category=odd`)
    expect(items).toHaveLength(28)
    expect(items.every((item) => Number(item.handle.slice(2)) % 2 === 1)).toBe(true)
  })

  test('a product retired between two pages moves no other', async () => {
    const before = await allPages(`sort=${sort}&limit=10`)
    const first = await pageOf(`sort=${sort}&limit=10`)
    const last = first.items.at(-1)!
    await cell.staff('post', `/v1/staff/products/${last.id}/retire`)
    const second = await pageOf(`sort=${sort}&limit=10&after=${first.next}`)
    await cell.staff('post', `/v1/staff/products/${last.id}/publish`)
    expect(second.items).toEqual(before.slice(10, 20))
  })

  test('the last page that is full says that nothing follows', async () => {
    expect((await pageOf(`sort=${sort}&limit=57`)).next).toBeNull()
    expect((await pageOf(`sort=${sort}&limit=56`)).next).not.toBeNull()
  })

  test('a cursor of another sort is refused', async () => {
    const { next } = await pageOf(`sort=${sort}&limit=1`)
    const other = SORTS.find((candidate) => candidate !== sort)
    const response = await cell.call('get', `/v1/products?sort=${other}&after=${next}`)
    expect(await problemOf(response)).toEqual({
      status: 400,
      code: 'request.invalid',
      pointers: ['/after'],
    })
  })
})

const cursor = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const id = `prod_${'0'.repeat(32)}`
test.each([
  ['no cursor', 'abc', 'newest'],
  ['no JSON', Buffer.from('{').toString('base64url'), 'newest'],
  ['no id', cursor(['newest', 0]), 'newest'],
  ['an id of something else', cursor(['newest', 0, 'cat_1']), 'newest'],
  ['a time beyond the calendar', cursor(['newest', 9e15, id]), 'newest'],
  ['a time that is text', cursor(['newest', 'infinity', id]), 'newest'],
  ['NUL in a name', cursor(['name', '\0', id]), 'name'],
  ['a lone surrogate in a name', cursor(['name', '\ud800', id]), 'name'],
  ['a price that is text', cursor(['price', '1; drop table', id]), 'price'],
  ['a price of a fraction', cursor(['price', 0.5, id]), 'price'],
  ['more than it should hold', cursor(['price', 1, id, 1]), 'price'],
  ['a character that base64url lacks', 'a+b', 'name'],
])('a cursor with %s is refused', async (_, after, sort) => {
  const path = `/v1/products?sort=${sort}&after=${encodeURIComponent(after)}`
  expect(await problemOf(await cell.call('get', path))).toEqual({
    status: 400,
    code: 'request.invalid',
    pointers: ['/after'],
  })
})

test.each([
  ['newest', 'listing_newest'],
  ['name', 'listing_name'],
  ['price', 'listing_price'],
  ['-price', 'listing_price'],
] as const)('a page sorted by %s is read off its index, without sorting', async (sort, index) => {
  const plan = await planOf(pageStatements[sort].text)
  expect(plan).toMatch(new RegExp(`Index (?:Only )?Scan (?:Backward )?using ${index} on listing`))
  expect(plan).toMatch(/Index Only Scan using listing_boundary on listing boundary/)
  expect(plan).not.toMatch(/Seq Scan on (?:listing|product_document)/)
  const entries = plan.slice(plan.indexOf('WindowAgg'), plan.indexOf(`using ${index}`))
  expect(entries).not.toContain('Sort')
})

test.each(['everybody', 'group'] as const)(
  'a product is read off the index of handles, with the prices of %s',
  async (whose) => {
    const plan = await planOf(documentStatements[whose].text)
    expect(plan).toMatch(
      /Index Scan (?:Backward )?using product_document_handle on product_document/,
    )
  },
)

/**
 * The generic plan, which a prepared statement ends with; the little tables here are planned as
 * large ones.
 */
async function planOf(text: string): Promise<string> {
  const client = new pg.Client({ connectionString: cell.url })
  await client.connect()
  try {
    await client.query('analyze; set enable_seqscan = off')
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain (generic_plan) ${text}`)
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  } finally {
    await client.end()
  }
}
