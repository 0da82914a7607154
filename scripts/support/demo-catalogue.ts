/**
 * The demo catalogue: a small shop of our own writing, in three markets and two languages, put in
 * place by the catalogue's own verbs. Some products run low, some are sold out, and some have no
 * German text yet.
 */

import {
  createCategory,
  importProducts,
  marketFor,
  putMarkets,
} from '../../regional/modules/catalog/index.ts'
import type { Actor, Services } from '../../regional/platform/implement.ts'
import type { CreateCategory, ImportRow, Market } from '../../shared/contracts/catalog.ts'
import { EVERY_GRANT } from '../../shared/principal.ts'
import { goods } from './demo-catalogue-goods.ts'
import { pantry } from './demo-catalogue-pantry.ts'

/** One product, as it is written down: name and description a language. */
export interface DemoProduct {
  handle: string
  en: readonly [name: string, description: string]
  de?: readonly [name: string, description: string]
  eurMinor: number
  brand?: string
  options?: keyof typeof OPTIONS
  /** Plenty when left out. */
  stock?: 'low' | 'none'
}

/**
 * Puts the demo's markets, categories and products in place, all or nothing.
 *
 * A catalogue that has markets is left as it is, so what was changed since stays changed.
 *
 * @returns whether anything was put in place.
 */
export async function seedDemo({ db, clock, config }: Services): Promise<boolean> {
  const actor: Actor = {
    principal: {
      kind: 'staff',
      id: 'stf_demo_seed',
      cell: config.CELL,
      session: 'none',
      grants: EVERY_GRANT,
    },
    cartSecret: null,
    requestId: 'demo-seed',
  }
  const seeded = await db.inTransaction(async (tx) => {
    if ((await marketFor(tx, null)) !== null) return false
    await putMarkets(tx, actor, demoMarkets)
    for (const category of demoCategories) await createCategory(tx, actor, category)
    const { rejected } = await importProducts(tx, actor, { rows: demoRows, now: clock.now() })
    const [bad] = rejected
    if (bad !== undefined) throw new Error(`demo row ${bad.index} was rejected: ${bad.reason}`)
    return true
  })
  return seeded.value
}

export const demoMarkets: readonly Market[] = [
  {
    id: 'de',
    name: 'Deutschland & Österreich',
    countries: ['DE', 'AT'],
    currency: 'EUR',
    locales: ['de', 'en'],
    pricesIncludeTax: true,
    taxBasisPoints: 1_900,
    isDefault: false,
  },
  {
    id: 'gb',
    name: 'United Kingdom',
    countries: ['GB'],
    currency: 'GBP',
    locales: ['en'],
    pricesIncludeTax: true,
    taxBasisPoints: 2_000,
    isDefault: false,
  },
  {
    id: 'us',
    name: 'United States & everywhere else',
    countries: ['US'],
    currency: 'USD',
    locales: ['en'],
    pricesIncludeTax: false,
    taxBasisPoints: 825,
    isDefault: true,
  },
]

const categoryNames = {
  coffee: { de: 'Kaffee', en: 'Coffee' },
  tea: { de: 'Tee', en: 'Tea' },
  kitchen: { de: 'Küche', en: 'Kitchen' },
  home: { de: 'Wohnen', en: 'Home' },
  clothing: { de: 'Kleidung', en: 'Clothing' },
  travel: { de: 'Unterwegs', en: 'Travel' },
} as const

const demoCategories: readonly CreateCategory[] = Object.entries(categoryNames).map(
  ([handle, { de, en }], position) => ({
    handle,
    parentHandle: null,
    position,
    translations: { de: { name: de }, en: { name: en } },
  }),
)

/** The axes by which demo products differ; a value may cost a multiple of the product's price. */
const OPTIONS = {
  none: {},
  weight: { Weight: { '250 g': 1, '1 kg': 3.6 } },
  tin: { Size: { 'Bag 100 g': 1, 'Tin 250 g': 2.3 } },
  size: { Size: { S: 1, M: 1, L: 1, XL: 1 } },
  colour: { Colour: { Navy: 1, Sand: 1, Rust: 1 } },
  sizeAndColour: { Size: { S: 1, M: 1, L: 1, XL: 1 }, Colour: { Navy: 1, Olive: 1 } },
  glaze: { Glaze: { White: 1, Celadon: 1, Charcoal: 1.1 } },
  finish: { Finish: { Steel: 1, Black: 1.1 } },
  format: { Format: { Small: 1, Large: 1.6 } },
  diameter: { Diameter: { '24 cm': 1, '28 cm': 1.25, '32 cm': 1.5 } },
} as const satisfies Record<string, Record<string, Record<string, number>>>

const STOCK = { plenty: 120, low: 3, none: 0 }
/** The large clothing sizes of a product in plenty sell out first. */
const SCARCE = new Set(['XL'])

/** What a euro costs elsewhere in this demo; the United States are shown prices without tax. */
const GBP_PER_EUR = 0.87
const USD_PER_EUR = 0.98

export const demoRows: readonly ImportRow[] = Object.entries({ ...pantry, ...goods }).flatMap(
  ([category, products]) => products.map((product) => rowOf(product, category)),
)

function rowOf(product: DemoProduct, category: string): ImportRow {
  const { handle, en, de, brand, options = 'none' } = product
  const axes: Record<string, Record<string, number>> = OPTIONS[options]
  const german = de && { de: { name: de[0], description: de[1] } }
  return {
    externalId: `demo:${handle}`,
    handle,
    brand: brand ?? 'Tradewind',
    translations: { en: { name: en[0], description: en[1] }, ...german },
    categories: [category],
    options: Object.entries(axes).map(([name, values]) => ({ name, values: Object.keys(values) })),
    attributes: { collection: category, demo: true },
    media: [{ url: `https://images.example.com/tradewind/${handle}.jpg`, alt: en[0] }],
    variants: variantsOf(product, axes),
  }
}

function variantsOf(product: DemoProduct, axes: Record<string, Record<string, number>>) {
  const { handle, eurMinor, stock = 'plenty' } = product
  return combinationsOf(axes).map(({ options, factor }) => {
    const values = Object.values(options)
    const isScarce = values.some((value) => SCARCE.has(value))
    return {
      sku: [handle, ...values].map(skuPart).join('-'),
      options,
      prices: pricesOf(eurMinor * factor),
      available: isScarce ? STOCK.none : STOCK[stock],
    }
  })
}

interface Combination {
  options: Record<string, string>
  factor: number
}

function combinationsOf(axes: Record<string, Record<string, number>>): Combination[] {
  return Object.entries(axes).reduce<Combination[]>(
    (combinations, [name, values]) =>
      combinations.flatMap((combination) =>
        Object.entries(values).map(([value, factor]) => ({
          options: { ...combination.options, [name]: value },
          factor: combination.factor * factor,
        })),
      ),
    [{ options: {}, factor: 1 }],
  )
}

function pricesOf(eurMinor: number): ImportRow['variants'][number]['prices'] {
  return {
    EUR: roundedMinor(eurMinor, 10),
    GBP: roundedMinor(eurMinor * GBP_PER_EUR, 50),
    USD: roundedMinor(eurMinor * USD_PER_EUR, 100) - 1,
  }
}

function roundedMinor(amountMinor: number, step: number): number {
  return Math.max(1, Math.round(amountMinor / step)) * step
}

function skuPart(text: string): string {
  return text.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '-')
}
