/** The catalogue's door: products, variants, prices, categories and markets. */
import type { Module } from '../../platform/implement.ts'

export { marketById, marketFor } from './markets.ts'
export { type PricedVariant, pricedVariants } from './priced-variants.ts'

export const catalog: Module = { name: 'catalog', routes: () => [], reactions: [], jobs: [] }
