/** Every contract that writes, used so that what it can change does change: the steps of the test of tags. */
import type { CreateProduct, StaffCategory, StaffProduct } from '../../shared/contracts/catalog.ts'
import type { PriceList } from '../../shared/contracts/price-lists.ts'
import type { CatalogCell } from '../regional/catalog/fixtures.ts'
import { type OpenedCart, openCart, orderBody } from '../support/shop.ts'
import { ACCOUNT_WRITES } from './account-writes.ts'
import { CUSTOMER_WRITES } from './customer-writes.ts'
import { STAFF_WRITES } from './staff-writes.ts'

export interface Write {
  readonly contract: string
  /** The fields of its body, for contracts that change the fields they are given. */
  readonly fields?: readonly string[]
  readonly what: string
  run(shop: Shop): Promise<unknown>
}

/** What the steps share: the cell and what was made so far. */
export interface Shop {
  readonly cell: CatalogCell
  readonly products: Map<string, StaffProduct>
  readonly categories: Map<string, StaffCategory>
  readonly priceLists: Map<string, PriceList>
  cart: OpenedCart | null
}

const PRICES = { EUR: 5_000, USD: 6_000 }

/** Three products on sale in two categories, and nothing sold yet. */
export async function openedShop(cell: CatalogCell): Promise<Shop> {
  const shop: Shop = {
    cell,
    products: new Map(),
    categories: new Map(),
    priceLists: new Map(),
    cart: null,
  }
  await addCategory(shop, 'kettles')
  await addCategory(shop, 'teapots', { parentHandle: 'kettles', position: 1 })
  for (const [handle, categories] of [
    ['alpha', ['kettles']],
    ['beta', ['kettles', 'teapots']],
    ['gamma', []],
  ] as const) {
    await addProduct(shop, handle, { categories: [...categories] })
    await actOn(shop, handle, 'publish')
  }
  return shop
}

async function addCategory({ cell, categories }: Shop, handle: string, more = {}): Promise<void> {
  categories.set(handle, await cell.createCategory(handle, more))
}

async function addProduct(
  { cell, products }: Shop,
  handle: string,
  more: Partial<CreateProduct>,
): Promise<void> {
  const product = await cell.createProduct({
    handle,
    translations: { de: { name: `${handle} de` }, en: { name: `${handle} en` } },
    variants: [{ sku: handle.toUpperCase(), prices: PRICES, available: 50 }],
    ...more,
  })
  products.set(handle, product)
}

function actOn({ cell, products }: Shop, handle: string, act: 'publish' | 'retire') {
  return cell.staff('post', `/v1/staff/products/${products.get(handle)!.id}/${act}`)
}

function act(contract: 'publishProduct' | 'retireProduct', handle: string, what: string): Write {
  const verb = contract === 'publishProduct' ? 'publish' : 'retire'
  return { contract: `catalog.${contract}`, what, run: (shop) => actOn(shop, handle, verb) }
}

function update(patch: Record<string, unknown>, what: string, handle = 'alpha'): Write {
  return {
    contract: 'catalog.updateProduct',
    fields: Object.keys(patch),
    what,
    run: ({ cell, products }) =>
      cell.staff('patch', `/v1/staff/products/${products.get(handle)!.id}`, patch),
  }
}

function updateCategory(patch: Record<string, unknown>, what: string): Write {
  return {
    contract: 'catalog.updateCategory',
    fields: Object.keys(patch),
    what,
    run: ({ cell, categories }) => {
      const { id } = categories.get('kettles')!
      return cell.staff('patch', `/v1/staff/categories/${id}`, patch)
    },
  }
}

function setPrices(sku: string, prices: Record<string, number>, what: string): Write {
  return {
    contract: 'catalog.setPrices',
    what,
    run: ({ cell }) => cell.staff('put', `/v1/staff/variants/${sku}/prices`, { prices }),
  }
}

function setStock(sku: string, available: number, what: string): Write {
  return {
    contract: 'inventory.setStock',
    what,
    run: ({ cell }) => cell.staff('put', `/v1/staff/stock/${sku}`, { available }),
  }
}

function createCategory(handle: string, more: object, what: string): Write {
  return {
    contract: 'catalog.createCategory',
    what,
    run: (shop) => addCategory(shop, handle, more),
  }
}

function importRows(what: string, ...rows: object[]): Write {
  return {
    contract: 'catalog.importProducts',
    what,
    run: ({ cell }) => cell.staff('put', '/v1/staff/products', { rows }),
  }
}

function createPriceList(handle: string, more: object, what: string): Write {
  return {
    contract: 'catalog.createPriceList',
    what,
    run: async ({ cell, priceLists }) => {
      const body = { handle, name: handle, ...more }
      priceLists.set(handle, await cell.staff('post', '/v1/staff/price-lists', body))
    },
  }
}

function updatePriceList(handle: string, patch: Record<string, unknown>, what: string): Write {
  return {
    contract: 'catalog.updatePriceList',
    fields: Object.keys(patch),
    what,
    run: ({ cell, priceLists }) =>
      cell.staff('patch', `/v1/staff/price-lists/${priceLists.get(handle)!.id}`, patch),
  }
}

/** @param prices by SKU and currency; null takes one out. */
function setListPrices(handle: string, prices: Record<string, object>, what: string): Write {
  const variants = Object.entries(prices).map(([sku, amounts]) => ({ sku, prices: amounts }))
  return {
    contract: 'catalog.setListPrices',
    what,
    run: ({ cell, priceLists }) => {
      const { id } = priceLists.get(handle)!
      return cell.staff('put', `/v1/staff/price-lists/${id}/prices`, { variants })
    },
  }
}

function deletePriceList(handle: string, what: string): Write {
  return {
    contract: 'catalog.deletePriceList',
    what,
    run: ({ cell, priceLists }) =>
      cell.staff('delete', `/v1/staff/price-lists/${priceLists.get(handle)!.id}`),
  }
}

const NEXT_YEAR = '2100-01-01T00:00:00.000Z'
const YEAR_AFTER = '2101-01-01T00:00:00.000Z'

const importedRow = {
  externalId: 'x-1',
  handle: 'imported',
  translations: { en: { name: 'Imported' } },
  categories: ['teapots'],
  variants: [{ sku: 'IMP-1', prices: PRICES, available: 9 }],
}

/** A shopper's request with the cart's secret, which must succeed. */
async function asHolder(shop: Shop, method: string, path: string, body: unknown): Promise<void> {
  const { id, secret } = shop.cart!
  const call = { cartSecret: secret, body }
  const response = await shop.cell.call(method, `/v1/carts/${id}${path}`, call)
  if (!response.ok) throw new Error(await response.text())
  if (path === '/lines') shop.cart = { id, secret, cart: (await response.json()) as never }
}

export const WRITES: readonly Write[] = [
  createCategory('cups', { parentHandle: 'kettles', position: 2 }, 'one that is known'),
  createCategory('later', {}, 'one that was asked for before'),
  {
    contract: 'catalog.createProduct',
    what: 'a draft',
    run: (shop) => addProduct(shop, 'delta', { categories: ['kettles', 'later'] }),
  },
  act('publishProduct', 'delta', 'one that was asked for before'),
  act('publishProduct', 'delta', 'once more'),
  update({ brand: 'Marke' }, 'its brand'),
  update({ attributes: { weight: 3, dishwasher: true } }, 'its attributes'),
  update({ media: [{ url: 'https://images.example/alpha.png', alt: 'alpha' }] }, 'its media'),
  update({ translations: { de: { name: 'zz de' }, en: { name: '0 en' } } }, 'its names'),
  update({ translations: { en: { name: '0 en' } } }, 'a language that goes', 'beta'),
  update({ categories: ['teapots'] }, 'another category'),
  update({ categories: ['teapots', 'cups', 'later'] }, 'more categories', 'gamma'),
  update(
    {
      options: [{ name: 'Size', values: ['S', 'L'] }],
      variants: [
        { sku: 'ALPHA', options: { Size: 'S' }, prices: PRICES },
        { sku: 'ALPHA-L', options: { Size: 'L' }, prices: { EUR: 1, USD: 7_000 }, available: 3 },
      ],
    },
    'a variant that comes',
  ),
  update({ options: [{ name: 'Size', values: ['S', 'M', 'L'] }] }, 'a choice more'),
  update(
    { options: [], variants: [{ sku: 'ALPHA', prices: { EUR: 5_000 } }] },
    'a variant that goes, and with it a market',
  ),
  update({ handle: 'alpha-renamed' }, 'another handle'),
  update({ handle: 'alpha' }, 'the handle that the other one had', 'gamma'),
  setPrices('BETA', { EUR: 9_900 }, 'one price, which moves it'),
  setPrices('ALPHA', { USD: 100, EUR: 4_999 }, 'a market that is entered'),
  createPriceList('trade', { customerGroup: 'wholesale' }, 'a group’s, still empty'),
  setListPrices(
    'trade',
    { BETA: { EUR: 100, USD: 200 }, GAMMA: { EUR: 9_000 }, DELTA: { EUR: 4_000 } },
    'of a group, many at once',
  ),
  setListPrices('trade', { GAMMA: { EUR: null } }, 'one that is taken out'),
  createPriceList('sale', { startsAt: NEXT_YEAR, priority: 5 }, 'everybody’s, for later'),
  setListPrices('sale', { BETA: { EUR: 90, USD: 90 }, DELTA: { EUR: 1 } }, 'for later'),
  updatePriceList('sale', { endsAt: YEAR_AFTER }, 'an end, still later'),
  updatePriceList('sale', { startsAt: '2001-01-01T00:00:00.000Z' }, 'a start that has been'),
  updatePriceList('trade', { priority: 9 }, 'another order'),
  updatePriceList('sale', { customerGroup: 'vip' }, 'from everybody to a group'),
  updatePriceList('trade', { customerGroup: null }, 'from a group to everybody'),
  updatePriceList('trade', { name: 'Trade prices' }, 'its name, which nobody sees'),
  updatePriceList('trade', { customerGroup: 'wholesale', priority: 1 }, 'and back'),
  setPrices('BETA', { EUR: 9_800 }, 'one beneath a group’s price'),
  updatePriceList('sale', { endsAt: '2002-01-01T00:00:00.000Z' }, 'an end that has been'),
  updatePriceList('sale', { endsAt: null, customerGroup: null }, 'no end'),
  updateCategory(
    { translations: { en: { name: 'Boilers' }, de: { name: 'Kessel' } } },
    'its names',
  ),
  updateCategory({ position: 9 }, 'its place'),
  setStock('BETA', 3, 'few'),
  setStock('BETA', 2, 'fewer, which is no other state'),
  setStock('BETA', 0, 'none'),
  setStock('BETA', 8, 'enough'),
  importRows('one that was asked for before', importedRow),
  importRows('the same again', importedRow),
  importRows(
    'another version, with a bad row',
    { handle: '!' },
    {
      ...importedRow,
      handle: 'imported',
      translations: { de: { name: 'Aus der Datei' } },
      categories: ['cups'],
      variants: [{ sku: 'IMP-1', prices: { EUR: 10 }, available: 1 }],
    },
  ),
  {
    contract: 'carts.createCart',
    what: 'a guest’s',
    run: async (shop) => {
      shop.cart = await openCart(shop.cell, [{ sku: 'BETA', quantity: 1 }])
    },
  },
  {
    contract: 'carts.addLines',
    what: 'all there is of one',
    run: (shop) => asHolder(shop, 'post', '/lines', { lines: [{ sku: 'BETA', quantity: 7 }] }),
  },
  {
    contract: 'carts.changeLines',
    what: 'a line more',
    run: (shop) => asHolder(shop, 'patch', '/lines', { set: [{ sku: 'DELTA', quantity: 1 }] }),
  },
  {
    contract: 'orders.placeOrder',
    what: 'which sells one out',
    run: (shop) => asHolder(shop, 'post', '/order', orderBody(shop.cart!.cart)),
  },
  deletePriceList('sale', 'everybody’s'),
  act('retireProduct', 'delta', 'one on sale'),
  act('retireProduct', 'delta', 'once more'),
  act('publishProduct', 'delta', 'its return'),
  deletePriceList('trade', 'a group’s'),
  ...CUSTOMER_WRITES,
  ...ACCOUNT_WRITES,
  ...STAFF_WRITES,
]
