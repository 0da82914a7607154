/** Showing what stock allows, after the fact. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { showAvailability } from '../../../regional/modules/catalog/reactions.ts'
import type { Product } from '../../../shared/contracts/catalog.ts'
import { queryRows } from '../../support/database.ts'
import { type CatalogCell, startCatalogCell } from './fixtures.ts'

let cell: CatalogCell
beforeAll(async () => {
  cell = await startCatalogCell()
})
afterAll(() => cell.close())

const react = (sku: string, availability: string) =>
  showAvailability.run(cell.services, {
    id: '00000000-0000-7000-8000-000000000000',
    type: 'inventory.availability_changed',
    subject: sku,
    payload: { sku, availability },
  })
const shown = async (handle: string) => {
  const page = (await (await cell.call('get', `/v1/products/${handle}`)).json()) as Product
  return page.variants.map((variant) => variant.availability)
}

test('a change of state is shown, ticks the product alone, and its repeat ticks nothing', async () => {
  const { id, handle } = await cell.publishedProduct({
    variants: [{ sku: 'SHOWN', prices: { EUR: 1 }, available: 90 }],
  })
  await cell.staff('put', '/v1/staff/stock/SHOWN', { available: 2 })
  expect(await shown(handle)).toEqual(['in_stock'])
  expect(await cell.ticksOf(() => react('SHOWN', 'low'))).toEqual([[`product:${id}`]])
  expect(await shown(handle)).toEqual(['low'])
  expect(await cell.ticksOf(() => react('SHOWN', 'low'))).toEqual([])
})

test('an event that comes late shows the state as it is now', async () => {
  const { handle } = await cell.publishedProduct({
    variants: [{ sku: 'LATE', prices: { EUR: 1 }, available: 90 }],
  })
  await cell.staff('put', '/v1/staff/stock/LATE', { available: 0 })
  await react('LATE', 'low')
  expect(await shown(handle)).toEqual(['out_of_stock'])
})

test('a draft takes the state over without a tick, and shows it once published', async () => {
  const { id, handle } = await cell.createProduct({
    variants: [{ sku: 'DRAFTED', prices: { EUR: 1 }, available: 90 }],
  })
  await cell.staff('put', '/v1/staff/stock/DRAFTED', { available: 1 })
  expect(await cell.ticksOf(() => react('DRAFTED', 'low'))).toEqual([])
  await cell.staff('post', `/v1/staff/products/${id}/publish`)
  expect(await shown(handle)).toEqual(['low'])
})

test('a SKU that no product has any more changes nothing', async () => {
  expect(await cell.ticksOf(() => react('NOBODYS', 'low'))).toEqual([])
})

test('an event without a SKU is a bug, and says which', async () => {
  const event = { id: 'e-1', type: 'x', subject: 'x', payload: {} }
  await expect(showAvailability.run(cell.services, event)).rejects.toThrow('e-1')
})

test('a state that changes while staff edit the product is not lost', async () => {
  const { id, handle } = await cell.publishedProduct({
    variants: [{ sku: 'BUSY', prices: { EUR: 1 }, available: 90 }],
  })
  await cell.staff('put', '/v1/staff/stock/BUSY', { available: 3 })
  await Promise.all([
    react('BUSY', 'low'),
    cell.staff('patch', `/v1/staff/products/${id}`, { brand: 'A' }),
    react('BUSY', 'low'),
    cell.staff('put', '/v1/staff/variants/BUSY/prices', { prices: { EUR: 2 } }),
  ])
  expect(await shown(handle)).toEqual(['low'])
  const documents = await queryRows<{ page: string }>(
    cell.url,
    'select page from product_document where product_id = $1',
    [id],
  )
  for (const { page } of documents) expect(JSON.parse(page).brand).toBe('A')
})
