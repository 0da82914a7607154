/** The catalogue's door: products, variants, prices, categories and markets. */
import type { Module } from '../../platform/implement.ts'
import { reactions } from './reactions.ts'
import { routes } from './routes.ts'

export { createCategory } from './create-category.ts'
export { type Imported, importProducts } from './import-products.ts'
export { marketById, marketFor } from './markets.ts'
export { type PricedVariant, pricedVariants } from './priced-variants.ts'
export { putMarkets } from './put-markets.ts'

export const catalog: Module = { name: 'catalog', routes, reactions, jobs: [] }
