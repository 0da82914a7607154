/** The choice of a price: at every instant and for every group it is what the rule says, said once more and slowly. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  FOR_EVER,
  type PriceView,
  type ProductPriceList,
  priceViews,
  SINCE_EVER,
} from '../../../regional/modules/catalog/price-phases.ts'

const DAY_MS = 86_400_000
const day = (n: number) => new Date(Date.UTC(2030, 0, 1) + n * DAY_MS).toISOString()
const SKUS = ['A', 'B', 'C']
const GROUPS = ['vip', 'wholesale', 'zoo']

const list: fc.Arbitrary<ProductPriceList> = fc
  .record({
    customerGroup: fc.option(fc.constantFrom(...GROUPS)),
    priority: fc.nat(3),
    startDay: fc.option(fc.nat(9)),
    days: fc.option(fc.integer({ min: 1, max: 9 })),
    prices: fc.dictionary(
      fc.constantFrom(...SKUS),
      fc.record({ EUR: fc.nat(5), USD: fc.nat(5) }, { requiredKeys: [] }),
    ),
  })
  .map(({ customerGroup, priority, startDay, days, prices }) => ({
    customerGroup,
    priority,
    startsAt: startDay === null ? null : day(startDay),
    endsAt: days === null ? null : day((startDay ?? 0) + days),
    prices: { ...prices },
  }))
const lists = fc.array(list, { maxLength: 6 })
const base = fc
  .dictionary(fc.constantFrom(...SKUS), fc.nat(5), { minKeys: 1 })
  .map((prices) => new Map(Object.entries(prices)))

/** The rule itself: of the lists that apply, the greatest priority, then the lowest amount; else the base price. */
function priceAt(
  sku: string,
  at: { group: string; instant: string },
  given: { base: ReadonlyMap<string, number>; lists: readonly ProductPriceList[] },
): number | undefined {
  const candidates = given.lists
    .filter(({ customerGroup }) => customerGroup === null || customerGroup === at.group)
    .filter(({ startsAt }) => startsAt === null || startsAt <= at.instant)
    .filter(({ endsAt }) => endsAt === null || at.instant < endsAt)
    .flatMap(({ priority, prices }) => {
      const amount = prices[sku]?.EUR
      return amount === undefined ? [] : [{ priority, amount }]
    })
    .sort((one, other) => other.priority - one.priority || one.amount - other.amount)
  return given.base.has(sku) ? (candidates[0]?.amount ?? given.base.get(sku)) : undefined
}

/** What the rows of the views tell a reader: those of its group, else everybody's. */
function shownAt(views: readonly PriceView[], sku: string, at: { group: string; instant: string }) {
  const view = views.find(({ customerGroup }) => customerGroup === at.group) ?? views[0]!
  const current = view.phases.filter(
    ({ validFrom, validUntil }) =>
      (validFrom === SINCE_EVER || validFrom <= at.instant) &&
      (validUntil === FOR_EVER || at.instant < validUntil),
  )
  expect(current).toHaveLength(1)
  return current[0]!.amounts.get(sku)
}

describe('the phases of a product’s prices', () => {
  test('say at every instant, to every group, what the rule says', () => {
    fc.assert(
      fc.property(base, lists, (amounts, given) => {
        const views = priceViews(amounts, given, 'EUR')
        // Noons, and the midnights at which lists begin and end.
        const instants = Array.from({ length: 42 }, (_, half) => day(half / 2))
        for (const group of ['', ...GROUPS]) {
          for (const instant of instants) {
            for (const sku of SKUS) {
              const at = { group, instant }
              const expected = priceAt(sku, at, { base: amounts, lists: given })
              expect(shownAt(views, sku, at)).toBe(expected)
            }
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test('follow each other from ever to ever, and each differs from the one before', () => {
    fc.assert(
      fc.property(base, lists, (amounts, given) => {
        for (const { phases } of priceViews(amounts, given, 'EUR')) {
          expect(phases[0]!.validFrom).toBe(SINCE_EVER)
          expect(phases.at(-1)!.validUntil).toBe(FOR_EVER)
          for (const [index, phase] of phases.slice(1).entries()) {
            expect(phase.validFrom).toBe(phases[index]!.validUntil)
            expect([...phase.amounts]).not.toEqual([...phases[index]!.amounts])
          }
        }
      }),
    )
  })

  test('are a group’s own only where it sees other prices than everybody', () => {
    fc.assert(
      fc.property(base, lists, (amounts, given) => {
        const [everybody, ...own] = priceViews(amounts, given, 'EUR')
        for (const { phases } of own) expect(phases).not.toEqual(everybody!.phases)
      }),
    )
    const none = priceViews(new Map([['A', 5]]), [], 'EUR')
    expect(none).toEqual([
      {
        customerGroup: '',
        phases: [{ validFrom: SINCE_EVER, validUntil: FOR_EVER, amounts: new Map([['A', 5]]) }],
      },
    ])
  })

  test('ignore lists in other currencies and of variants that are not sold in this one', () => {
    const foreign: ProductPriceList = {
      customerGroup: 'vip',
      priority: 9,
      startsAt: day(1),
      endsAt: null,
      prices: { A: { USD: 1 }, B: { EUR: 1 } },
    }
    expect(priceViews(new Map([['A', 5]]), [foreign], 'EUR')).toEqual(
      priceViews(new Map([['A', 5]]), [], 'EUR'),
    )
  })
})
