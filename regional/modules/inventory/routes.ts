/** Inventory's endpoints. */
import { contracts } from '../../../shared/contracts/index.ts'
import { Problem } from '../../../shared/problems.ts'
import { assertScope } from '../../platform/access.ts'
import { implement } from '../../platform/implement.ts'
import { levelOf } from './queries.ts'
import { setStock } from './set-stock.ts'

export const routes = implement(contracts.inventory, () => ({
  getStock: async ({ db, actor, params }) => {
    assertScope(actor, 'inventory:read')
    const level = await levelOf(db, params.sku)
    if (level === null) throw new Problem('variant.unknown')
    return level
  },
  setStock: ({ db, actor, params, body }) =>
    db.inTransaction((tx) => setStock(tx, actor, { sku: params.sku, ...body })),
}))
