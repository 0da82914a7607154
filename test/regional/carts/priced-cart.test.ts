import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pricedCart } from '../../../regional/modules/carts/priced-cart.ts'
import type { PricedVariant } from '../../../regional/modules/catalog/index.ts'

const terms = fc.record({
  currency: fc.constant('EUR' as const),
  pricesIncludeTax: fc.boolean(),
  taxBasisPoints: fc.integer({ min: 0, max: 10_000 }),
})
const lines = fc.uniqueArray(
  fc.record({
    sku: fc.string({ minLength: 1, maxLength: 8 }),
    quantity: fc.integer({ min: 1, max: 999 }),
    unitPriceMinor: fc.integer({ min: 0, max: 100_000_000 }),
    isSold: fc.boolean(),
  }),
  { maxLength: 100, selector: (line) => line.sku },
)

test('the parts of a cart always sum to its totals, and no line is lost', () => {
  fc.assert(
    fc.property(terms, lines, (market, drawn) => {
      const variants = drawn
        .filter((line) => line.isSold)
        .map(
          ({ sku, unitPriceMinor }): PricedVariant => ({
            sku,
            unitPriceMinor,
            productHandle: 'any',
            name: 'Any',
            options: {},
            availability: 'in_stock',
            ...market,
          }),
        )
      const priced = pricedCart(drawn, variants, market)
      const { subtotalMinor, taxMinor, totalMinor } = priced.totals
      const sum = (pick: 'totalMinor' | 'taxMinor') =>
        priced.lines.reduce((total, line) => total + line[pick], 0)

      expect(subtotalMinor).toBe(sum('totalMinor'))
      expect(taxMinor).toBe(sum('taxMinor'))
      expect(totalMinor).toBe(subtotalMinor + (market.pricesIncludeTax ? 0 : taxMinor))
      expect(priced.lines.length + priced.unavailable.length).toBe(drawn.length)
      for (const line of priced.lines) {
        expect(line.totalMinor).toBe(line.unitPriceMinor * line.quantity)
        expect(Number.isSafeInteger(line.taxMinor)).toBe(true)
        expect(line.taxMinor).toBeGreaterThanOrEqual(0)
        expect(line.taxMinor).toBeLessThanOrEqual(line.totalMinor)
      }
    }),
  )
})
