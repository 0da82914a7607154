/** A group's page costs what everybody's does, of a list of any length and however much of it is the group's own. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  groupPageStatements,
  pageStatements,
} from '../../../regional/modules/catalog/product-list.ts'
import { ProductSort } from '../../../shared/contracts/catalog.ts'
import { type CatalogCell, startCatalogCell } from './fixtures.ts'

const PRODUCTS = 20_000
const PAGE = 20
const CURSORS: Record<ProductSort, [first: string, middle: string]> = {
  newest: ['infinity', '2026-01-01T02:46:40Z'],
  name: ['', 'name 10000'],
  price: ['-1', '110000'],
  '-price': ['9223372036854775807', '110000'],
}

let cell: CatalogCell
let client: pg.Client
beforeAll(async () => {
  cell = await startCatalogCell()
  client = new pg.Client({ connectionString: cell.url })
  await client.connect()
  // The generic plan, which a prepared statement ends with, whoever asks for what.
  await client.query('set plan_cache_mode = force_generic_plan')
  await client.query(`
    insert into product (id, handle, status, options, attributes, media, published_at)
    select 'prod_' || i, 'p-' || i, 'published', '[]', '{}', '[]', now()
    from generate_series(1, ${PRODUCTS}) i`)
  await client.query(rowsFor("''", 'true', 100_000))
  await client.query(rowsFor("'all'", 'true', 90_000))
  await client.query(rowsFor("'half'", 'i % 2 = 0', 90_000))
  await client.query(rowsFor("'few'", 'i % 5000 = 0', 90_000))
  await client.query('vacuum analyze listing')
  await client.query('analyze product_document')
})
afterAll(async () => {
  await client.end()
  await cell.close()
})

/** What a rendering would have left, without the pages. */
function rowsFor(group: string, which: string, price: number): string {
  return `
    with shown as (
      select 'prod_' || i as id, i from generate_series(1, ${PRODUCTS}) i where ${which}
    ), listed as (
      insert into listing (category_id, market, locale, customer_group, product_id, sort_name,
        sort_price, published_at)
      select '', 'de', 'de', ${group}, id, 'name ' || lpad(i::text, 5, '0'), ${price} + i,
        timestamptz '2026-01-01T00:00:00Z' + i * interval '1 second'
      from shown
    )
    insert into product_document (product_id, market, locale, customer_group, handle, page, etag,
      card)
    select id, 'de', 'de', ${group}, 'p-' || i, '{}', '""', '{}' from shown`
}

interface PlanNode {
  Alias?: string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: PlanNode[]
}

/** How many rows of the list are looked at for a page. */
async function rowsRead(sort: ProductSort, group: string | null, key: string): Promise<number> {
  const { text, params } = (group === null ? pageStatements : groupPageStatements)[sort]
  const given: Record<string, unknown> = {
    market: 'de',
    locale: 'de',
    category: '',
    limit: PAGE,
    group: group ?? '',
    key,
    id: '',
  }
  const values = params.map((param) =>
    typeof param === 'object' && param !== null ? given[(param as { name: string }).name] : param,
  )
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `explain (analyze, format json) ${text}`,
    values,
  )
  const read = (node: PlanNode): number =>
    (node['Relation Name'] === 'listing'
      ? (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']
      : 0) + (node.Plans ?? []).reduce((sum, child) => sum + read(child), 0)
  return read(rows[0]!['QUERY PLAN'][0].Plan)
}

/**
 * By price, the rows of everybody between a group's dearest price and everybody's dearest are looked through, when all
 * of them have a row of the group's own: the one case that costs more, and never more than the list.
 */
function isSkipping(sort: ProductSort, group: string, cursor: string): boolean {
  const [first, middle] = CURSORS[sort]
  if (group !== 'all') return false
  return (sort === 'price' && cursor === middle) || (sort === '-price' && cursor === first)
}

describe.each(ProductSort.options)('sorted by %s', (sort) => {
  test.each(['all', 'half', 'few', 'none'])(
    'for a group with prices of its own for %s',
    async (group) => {
      for (const cursor of CURSORS[sort]) {
        expect(await rowsRead(sort, null, cursor)).toBeLessThanOrEqual(PAGE + 1)
        const read = await rowsRead(sort, group, cursor)
        expect(read).toBeGreaterThan(PAGE)
        expect(read).toBeLessThanOrEqual(isSkipping(sort, group, cursor) ? 2 * PRODUCTS : 6 * PAGE)
      }
    },
  )
})
