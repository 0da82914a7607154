/** The catalogue's contracts, each bound to its read or verb. */
import { contracts } from '../../../shared/contracts/index.ts'
import { implement } from '../../platform/implement.ts'
import { createCategory } from './create-category.ts'
import { createPriceList } from './create-price-list.ts'
import { createProduct } from './create-product.ts'
import { deletePriceList } from './delete-price-list.ts'
import { importProducts } from './import-products.ts'
import { priceListPage, priceListWithPrices } from './price-lists.ts'
import { productPage } from './product-list.ts'
import { publishProduct } from './publish-product.ts'
import { categoryList, marketList, productPageOf, staffProduct } from './queries.ts'
import { retireProduct } from './retire-product.ts'
import { setListPrices } from './set-list-prices.ts'
import { setPrices } from './set-prices.ts'
import { updateCategory } from './update-category.ts'
import { updatePriceList } from './update-price-list.ts'
import { updateProduct } from './update-product.ts'

export const routes = implement(contracts.catalog, (services) => ({
  listMarkets: ({ snapshots }) => marketList(snapshots),

  listCategories: (asked) => categoryList(asked.snapshots, asked),

  listProducts: (asked) => productPage(asked.snapshots, asked),

  getProduct: (asked) => productPageOf(asked.snapshots, asked.params.handle, asked),

  createProduct: ({ actor, body, once }) => once((tx) => createProduct(tx, actor, body)),

  getStaffProduct: ({ actor, params, db }) => staffProduct(db, actor, params.productId),

  updateProduct: ({ actor, params, body, db }) =>
    db.inTransaction((tx) => updateProduct(tx, actor, { ...params, patch: body })),

  publishProduct: ({ actor, params, db }) =>
    db.inTransaction((tx) => publishProduct(tx, actor, { ...params, now: services.clock.now() })),

  retireProduct: ({ actor, params, db }) =>
    db.inTransaction((tx) => retireProduct(tx, actor, params)),

  setPrices: ({ actor, params, body, db }) =>
    db.inTransaction((tx) => setPrices(tx, actor, { ...params, ...body })),

  createPriceList: ({ actor, body, once }) => once((tx) => createPriceList(tx, actor, body)),

  listPriceLists: ({ actor, query, db }) => priceListPage(db, actor, query),

  getPriceList: ({ actor, params, query, db }) =>
    priceListWithPrices(db, actor, { id: params.priceListId, ...query }),

  updatePriceList: ({ actor, params, body, db }) =>
    db.inTransaction((tx) => updatePriceList(tx, actor, { ...params, patch: body })),

  setListPrices: ({ actor, params, body, db }) =>
    db.inTransaction((tx) => setListPrices(tx, actor, { ...params, ...body })),

  deletePriceList: ({ actor, params, db }) =>
    db.inTransaction((tx) => deletePriceList(tx, actor, params)),

  createCategory: ({ actor, body, once }) => once((tx) => createCategory(tx, actor, body)),

  updateCategory: ({ actor, params, body, db }) =>
    db.inTransaction((tx) => updateCategory(tx, actor, { ...params, patch: body })),

  importProducts: ({ actor, body, db }) =>
    db.inTransaction((tx) => importProducts(tx, actor, { ...body, now: services.clock.now() })),
}))
