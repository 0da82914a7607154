/**
 * Renders a product as one market, locale and customer group read it in one phase of its prices:
 * pure, from its record to the response's bytes.
 */
import { hash } from 'node:crypto'
import type { Market, Product, ProductCard } from '../../../shared/contracts/catalog.ts'
import type { Availability } from '../../../shared/contracts/fields.ts'
import { type PricePhase, type ProductPriceList, priceViews } from './price-phases.ts'
import type { ProductRecord } from './product-record.ts'
import { translated } from './translation.ts'

export interface RenderedDocument {
  market: string
  locale: string
  /** `''` for everybody. */
  customerGroup: string
  validFrom: string
  validUntil: string
  handle: string
  /** The product's page, in JSON. */
  page: string
  etag: string
  /** Its entry in lists, in JSON. */
  card: string
  sortName: string
  sortPrice: number
}

/**
 * Every document of a product: one for each market that can buy it, each of that market's locales,
 * and each phase of the prices that everybody, or a group, sees there.
 */
export function renderProduct(
  product: ProductRecord,
  markets: readonly Market[],
  lists: readonly ProductPriceList[],
): RenderedDocument[] {
  return markets.flatMap((market) => {
    const base = basePrices(product, market)
    // Without a price in the market's currency the product is not shown there.
    if (base.size === 0) return []
    return priceViews(base, lists, market.currency).flatMap(({ customerGroup, phases }) =>
      phases.flatMap((phase) =>
        market.locales.flatMap(
          (locale) => renderDocument(product, { market, locale, customerGroup, phase }) ?? [],
        ),
      ),
    )
  })
}

function basePrices({ variants }: ProductRecord, { currency }: Market): Map<string, number> {
  return new Map(
    variants.flatMap(({ sku, prices }) => {
      const amountMinor = prices[currency]
      return amountMinor === undefined ? [] : [[sku, amountMinor]]
    }),
  )
}

interface Reader {
  market: Market
  locale: string
  customerGroup: string
  phase: PricePhase
}

/** `null` for a product without a name. */
function renderDocument(product: ProductRecord, reader: Reader): RenderedDocument | null {
  const { market, locale, customerGroup, phase } = reader
  const variants = variantsIn(product, market, phase)
  const text = translated(product.translations, { locale, defaultLocale: market.locales[0]! })
  if (text === undefined) return null
  const { id, handle, brand, attributes, media } = product
  const page: Product = {
    id,
    handle,
    market: market.id,
    locale,
    name: text.name,
    description: text.description,
    brand,
    categories: categoriesIn(product, market, locale),
    options: optionsOf(product, variants),
    attributes,
    media,
    variants,
    pricesIncludeTax: market.pricesIncludeTax,
  }
  const cheapest = variants.reduce((least, variant) =>
    variant.price.amountMinor < least.price.amountMinor ? variant : least,
  )
  const card: ProductCard = {
    id,
    handle,
    name: text.name,
    brand,
    image: media[0] ?? null,
    priceFrom: cheapest.price,
    availability: bestOf(variants.map((variant) => variant.availability)),
  }
  const body = JSON.stringify(page)
  return {
    market: market.id,
    locale,
    customerGroup,
    validFrom: phase.validFrom,
    validUntil: phase.validUntil,
    handle,
    page: body,
    etag: strongEtag(body),
    card: JSON.stringify(card),
    sortName: sortNameOf(text.name),
    sortPrice: cheapest.price.amountMinor,
  }
}

function variantsIn(
  product: ProductRecord,
  { currency }: Market,
  { amounts }: PricePhase,
): Product['variants'] {
  return product.variants.flatMap(({ sku, options, availability }) => {
    const amountMinor = amounts.get(sku)
    if (amountMinor === undefined) return []
    return [{ sku, options, price: { amountMinor, currency }, availability }]
  })
}

function categoriesIn(product: ProductRecord, market: Market, locale: string) {
  return product.categories.map(({ handle, names }) => ({
    handle,
    name: translated(names, { locale, defaultLocale: market.locales[0]! }) ?? handle,
  }))
}

/** The product's options, without values that no variant on offer has. */
function optionsOf(product: ProductRecord, variants: Product['variants']) {
  return product.options.map(({ name, values }) => ({
    name,
    values: values.filter((value) => variants.some((variant) => variant.options[name] === value)),
  }))
}

const BEST_FIRST: readonly Availability[] = ['in_stock', 'low', 'backorder', 'out_of_stock']

function bestOf(states: readonly Availability[]): Availability {
  return BEST_FIRST.find((state) => states.includes(state)) ?? 'out_of_stock'
}

/** Bounds the keys of the index and of cursors; equal beginnings are ordered by id. */
export const SORT_NAME_LENGTH_MAX = 64

/** The name without case and diacritics, so that "Übertopf" stands beside "Untersetzer". */
function sortNameOf(name: string): string {
  const folded = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  return [...folded].slice(0, SORT_NAME_LENGTH_MAX).join('')
}

/** A strong entity tag (RFC 9110 §8.8.3): 132 bits of the body's SHA-256. */
export function strongEtag(body: string): string {
  return `"${hash('sha256', body, 'base64url').slice(0, 22)}"`
}
