/** What a cart costs today: lines, totals and tax, in minor units. */
import type { Cart, Totals } from '../../../shared/contracts/carts.ts'
import { type Currency, taxOf } from '../../../shared/money.ts'
import type { Runner } from '../../platform/database.ts'
import { marketById, type PricedVariant, pricedVariants } from '../catalog/index.ts'
import type { StoredCart, StoredLine } from './queries.ts'

interface PricedLine {
  sku: string
  productHandle: string
  name: string
  options: Record<string, string>
  quantity: number
  unitPriceMinor: number
  totalMinor: number
  taxMinor: number
  availability: PricedVariant['availability']
}

export interface PricedCart {
  lines: PricedLine[]
  totals: Totals
  /** SKUs in the cart that cannot be sold now; they are in no total. */
  unavailable: string[]
}

/** How a market shows prices. */
export interface PriceTerms {
  currency: Currency
  pricesIncludeTax: boolean
  taxBasisPoints: number
}

/**
 * What the cart costs whoever asks. One statement, or two when nothing in it can be sold.
 *
 * @param group the customer group whose prices these are; `null` for everybody's.
 */
export async function priceCart(
  runner: Runner,
  cart: Pick<StoredCart, 'market' | 'locale' | 'lines'>,
  group: string | null,
): Promise<PricedCart> {
  const { market, locale } = cart
  const skus = cart.lines.map((line) => line.sku)
  const asked = { skus, market, locale, group }
  const variants = skus.length === 0 ? [] : await pricedVariants(runner, asked)
  const terms = variants[0] ?? (await marketById(runner, market))
  if (terms === null) throw new Error('a cart is in a market that does not exist')
  return pricedCart(cart.lines, variants, terms)
}

/** Tax is computed a line, rounded once there, so that the parts sum to the whole. */
export function pricedCart(
  stored: readonly StoredLine[],
  variants: readonly PricedVariant[],
  terms: PriceTerms,
): PricedCart {
  const bySku = new Map(variants.map((variant) => [variant.sku, variant]))
  const lines: PricedLine[] = []
  const unavailable: string[] = []
  for (const { sku, quantity } of stored) {
    const variant = bySku.get(sku)
    if (variant === undefined) unavailable.push(sku)
    else lines.push(pricedLine(variant, quantity, terms))
  }
  return { lines, totals: totalsOf(lines, terms), unavailable }
}

function pricedLine(variant: PricedVariant, quantity: number, terms: PriceTerms): PricedLine {
  const { sku, productHandle, name, options, unitPriceMinor, availability } = variant
  const totalMinor = unitPriceMinor * quantity
  const taxMinor = taxOf(totalMinor, {
    basisPoints: terms.taxBasisPoints,
    included: terms.pricesIncludeTax,
  })
  return {
    sku,
    productHandle,
    name,
    options,
    quantity,
    unitPriceMinor,
    totalMinor,
    taxMinor,
    availability,
  }
}

function totalsOf(lines: readonly PricedLine[], terms: PriceTerms): Totals {
  const { currency, pricesIncludeTax } = terms
  const subtotalMinor = lines.reduce((sum, line) => sum + line.totalMinor, 0)
  const taxMinor = lines.reduce((sum, line) => sum + line.taxMinor, 0)
  const totalMinor = pricesIncludeTax ? subtotalMinor : subtotalMinor + taxMinor
  return { currency, pricesIncludeTax, subtotalMinor, taxMinor, totalMinor }
}

/** The cart as its holder reads it. */
export function cartDocument(
  cart: Pick<StoredCart, 'id' | 'status' | 'market' | 'locale' | 'channel'>,
  { lines, totals, unavailable }: PricedCart,
): Cart {
  const { id, status, market, locale, channel } = cart
  return {
    id,
    status,
    market,
    locale,
    channel,
    lines: lines.map(({ taxMinor, ...line }) => line),
    totals,
    unavailable,
  }
}
