/** Puts the things of the shop into a migrated database, in the states with which a history opens. */
import { createProduct } from '../../regional/modules/catalog/create-product.ts'
import { createCategory, importProducts, putMarkets } from '../../regional/modules/catalog/index.ts'
import type { Actor } from '../../regional/platform/implement.ts'
import { EVERY_GRANT } from '../../shared/principal.ts'
import { testServices } from '../support/services.ts'
import {
  CATEGORIES,
  categoryNameOf,
  nameOf,
  openHistory,
  type ProductState,
  priceOf,
  WARES,
} from './shop.ts'

const actor: Actor = {
  principal: {
    kind: 'staff',
    id: 'stf_consistency',
    cell: 'eu',
    session: 'ses_seed',
    grants: EVERY_GRANT,
  },
  cartSecret: null,
  requestId: 'consistency',
}

const germany = {
  id: 'de',
  name: 'Deutschland',
  countries: ['DE'],
  currency: 'EUR' as const,
  locales: ['de'],
  pricesIncludeTax: true,
  taxBasisPoints: 1_900,
  isDefault: true,
}

export async function fillShop(databaseUrl: string): Promise<void> {
  const { db, clock, close } = testServices(databaseUrl)
  const history = openHistory()
  await db.inTransaction((tx) => putMarkets(tx, actor, [germany]))
  for (const [position, handle] of CATEGORIES.entries()) {
    const translations = { de: { name: categoryNameOf(handle, 0) } }
    const category = { handle, parentHandle: null, position, translations }
    await db.inTransaction((tx) => createCategory(tx, actor, category))
  }
  const products = WARES.map((ware) => {
    const { handle, category, name, price } = history.newest(ware.thing) as ProductState
    return {
      externalId: ware.externalId,
      handle,
      brand: null,
      translations: { de: { name: nameOf(ware, name), description: '' } },
      categories: [category],
      options: [],
      attributes: {},
      media: [],
      variants: [{ sku: ware.sku, options: {}, prices: { EUR: priceOf(price) }, available: 9 }],
    }
  })
  const rows = products.filter(({ externalId }) => externalId !== null)
  const now = clock.now()
  const { value } = await db.inTransaction((tx) => importProducts(tx, actor, { rows, now }))
  if (value.rejected.length > 0) throw new Error(`refused: ${value.rejected[0]!.reason}`)
  for (const { externalId, ...draft } of products) {
    if (externalId === null) await db.inTransaction((tx) => createProduct(tx, actor, draft))
  }
  await close()
}
