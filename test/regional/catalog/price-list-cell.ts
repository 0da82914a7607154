/** Short ways to sell by price lists, for the tests of prices. */
import { expect } from 'vitest'
import type { Product } from '../../../shared/contracts/catalog.ts'
import type { PriceList } from '../../../shared/contracts/price-lists.ts'
import { type CatalogCell, productInput, startCatalogCell } from './fixtures.ts'

export interface PriceListCell extends CatalogCell {
  /** A product on sale at EUR 50, and its SKU. */
  onSale(more?: object): Promise<{ id: string; handle: string; sku: string }>
  newList(more?: object): Promise<PriceList>
  /** @param prices EUR by SKU; null takes one out. */
  listPrices(list: PriceList, prices: Record<string, number | null>): Promise<void>
  /** What a group is shown of a product in Germany, and for how long that may be kept. */
  shown(handle: string, group?: string | null): Promise<Shown>
  priceOf(handle: string, group?: string | null): Promise<number>
}

export interface Shown {
  amounts: number[]
  lifeSeconds: number | null
}

export async function startPriceListCell(): Promise<PriceListCell> {
  const cell = await startCatalogCell()
  let made = 0
  const shown = async (handle: string, group: string | null = null): Promise<Shown> => {
    const response = await cell.call('get', asGroup(`/v1/products/${handle}?market=de`, group))
    expect(response.status).toBe(200)
    const { variants } = (await response.json()) as Product
    const amounts = variants.map(({ price }) => price.amountMinor)
    return { amounts, lifeSeconds: lifeOf(response) }
  }
  return {
    ...cell,
    onSale: async (more = {}) => {
      made += 1
      const input = productInput(made)
      const sku = input.variants[0]!.sku
      const variants = [{ sku, prices: { EUR: 5_000, USD: 6_000 } }]
      const { id } = await cell.publishedProduct({ ...input, variants, ...more })
      return { id, handle: input.handle, sku }
    },
    newList: (more = {}) => {
      made += 1
      const body = { handle: `list-${made}`, name: `List ${made}`, ...more }
      return cell.staff<PriceList>('post', '/v1/staff/price-lists', body)
    },
    listPrices: async ({ id }, prices) => {
      const variants = Object.entries(prices).map(([sku, EUR]) => ({ sku, prices: { EUR } }))
      await cell.staff('put', `/v1/staff/price-lists/${id}/prices`, { variants })
    },
    shown,
    priceOf: async (handle, group) => (await shown(handle, group)).amounts[0]!,
  }
}

/** The path as an edge writes it for a customer of a group. */
export function asGroup(path: string, group: string | null): string {
  return group === null ? path : `${path}${path.includes('?') ? '&' : '?'}group=${group}`
}

export function lifeOf(response: Response): number | null {
  const seconds = response.headers.get('tradewind-life')
  return seconds === null ? null : Number(seconds)
}

export const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString()
