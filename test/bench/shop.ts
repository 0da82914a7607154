/** The shop that is measured: products of an ordinary size, with stock that no order exhausts. */
import pg from 'pg'
import { createCategory, importProducts, putMarkets } from '../../regional/modules/catalog/index.ts'
import type { Actor } from '../../regional/platform/implement.ts'
import type { ImportRow } from '../../shared/contracts/catalog.ts'
import type { CURRENCIES } from '../../shared/money.ts'
import { EVERY_GRANT } from '../../shared/principal.ts'
import { testServices } from '../support/services.ts'

export const PRODUCTS = 200
const VARIANTS = 4
const BATCH = 100
const STOCK = 9_000_000
export const CATEGORIES = ['kettles', 'lamps', 'rugs', 'shelves', 'tables', 'throws']

/** What every measured request asks for. */
export const MARKET = 'de'
export const LOCALE = 'de'

export const handleOf = (product: number) => `bench-product-${product}`
export const skuOf = (product: number, variant: number) => `BENCH-${product}-${variant}`

const actor: Actor = {
  principal: {
    kind: 'staff',
    id: 'stf_bench',
    cell: 'eu',
    session: 'ses_seed',
    grants: EVERY_GRANT,
  },
  cartSecret: null,
  requestId: 'bench',
}

export async function fillShop(url: string): Promise<void> {
  const { db, clock } = testServices(url)
  const now = clock.now()
  await db.inTransaction((tx) => putMarkets(tx, actor, [germany, britain]))
  for (const [position, handle] of CATEGORIES.entries()) {
    const name = handle[0]!.toUpperCase() + handle.slice(1)
    const translations = { de: { name }, en: { name } }
    const category = { handle, parentHandle: null, position, translations }
    await db.inTransaction((tx) => createCategory(tx, actor, category))
  }
  for (let first = 0; first < PRODUCTS; first += BATCH) {
    const rows = Array.from({ length: BATCH }, (_, index) => productOf(first + index))
    const { value } = await db.inTransaction((tx) => importProducts(tx, actor, { rows, now }))
    if (value.rejected.length > 0) throw new Error(`refused: ${value.rejected[0]!.reason}`)
  }
  await db.close()
  await analyse(url)
}

/** Both sides plan with the same statistics, and none gathers them while it is measured. */
async function analyse(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('vacuum analyze')
  await client.end()
}

type Currency = (typeof CURRENCIES)[number]

const market = { pricesIncludeTax: true, taxBasisPoints: 1_900, isDefault: false }
const germany = {
  ...market,
  id: MARKET,
  name: 'Deutschland',
  countries: ['DE', 'AT'],
  currency: 'EUR' as Currency,
  locales: ['de', 'en'],
  isDefault: true,
}
const britain = {
  ...market,
  id: 'gb',
  name: 'United Kingdom',
  countries: ['GB'],
  currency: 'GBP' as Currency,
  locales: ['en'],
}

const SENTENCE = 'Aus einer kleinen Werkstatt, für viele Jahre gemacht und leicht zu pflegen. '

function productOf(product: number): ImportRow {
  const category = CATEGORIES[product % CATEGORIES.length]!
  const name = `Nummer ${product} aus ${category}`
  const sizes = Array.from({ length: VARIANTS }, (_, variant) => `${10 + variant} cm`)
  return {
    externalId: `bench-${product}`,
    handle: handleOf(product),
    brand: `Marke ${product % 17}`,
    translations: {
      de: { name, description: SENTENCE.repeat(8) },
      en: { name: `Number ${product} of ${category}`, description: SENTENCE.repeat(8) },
    },
    categories: [category],
    options: [{ name: 'Größe', values: sizes }],
    attributes: Object.fromEntries(
      Array.from({ length: 16 }, (_, index) => [`attribute_${index}`, `Wert ${product + index}`]),
    ),
    media: Array.from({ length: 3 }, (_, index) => ({
      url: `https://media.example.com/${handleOf(product)}/${index}.avif`,
      alt: `${name}, Ansicht ${index}`,
    })),
    variants: sizes.map((size, variant) => ({
      sku: skuOf(product, variant),
      options: { Größe: size },
      prices: { EUR: 1_990 + product * 10 + variant, GBP: 1_790 + product * 10 + variant },
      available: STOCK,
    })),
  }
}
