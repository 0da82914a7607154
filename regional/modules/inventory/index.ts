/** Inventory's door: what may be sold, and the ledger that explains it. */
import type { Module } from '../../platform/implement.ts'
import { routes } from './routes.ts'

export { openStock } from './open-stock.ts'
export { availabilityOf } from './queries.ts'
export { returnStock, takeStock } from './take-stock.ts'

export const inventory: Module = { name: 'inventory', routes, reactions: [], jobs: [] }
