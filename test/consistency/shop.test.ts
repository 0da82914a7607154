/** What an answer says of the shop: it fits the state that it shows, and no other. */
import { describe, expect, it } from 'vitest'
import type { Fact } from './checker.ts'
import {
  categoryNameOf,
  nameOf,
  openHistory,
  PAGES,
  type ProductState,
  priceOf,
  type State,
  WARES,
} from './shop.ts'

const [ware, other] = WARES as [(typeof WARES)[0], (typeof WARES)[0]]
const shown: ProductState = {
  kind: 'product',
  isShown: true,
  handle: ware.handles[0],
  category: 'cups',
  name: 5,
  price: 8,
}
const money = { amountMinor: priceOf(8), currency: 'EUR' }

function factsOf(path: string, status: number, body: unknown): Fact<State>[] {
  const page = PAGES.find((each) => each.path.startsWith(path))!
  return page.factsOf(status, JSON.stringify(body))
}

function fitting(facts: readonly Fact<State>[], thing: string, state: State): boolean {
  return facts.filter((fact) => fact.thing === thing).every((fact) => fact.fits(state))
}

/** States that differ from the one shown in one thing each. */
const DIFFERENT: ProductState[] = [
  { ...shown, isShown: false },
  { ...shown, handle: ware.handles[1] },
  { ...shown, category: 'pots' },
  { ...shown, name: 6 },
  { ...shown, price: 9 },
]

describe('a product page', () => {
  const body = {
    handle: ware.handles[0],
    name: nameOf(ware, 5),
    categories: [{ handle: 'cups', name: categoryNameOf('cups', 3) }],
    variants: [{ price: money }],
  }

  it('fits its state and no other, and names its category as it was', () => {
    const facts = factsOf(`/v1/products/${ware.handles[0]}?`, 200, body)
    expect(fitting(facts, ware.thing, shown)).toBe(true)
    for (const state of DIFFERENT) expect(fitting(facts, ware.thing, state)).toBe(false)
    expect(fitting(facts, 'category cups', { kind: 'category', name: 3 })).toBe(true)
    expect(fitting(facts, 'category cups', { kind: 'category', name: 4 })).toBe(false)
  })

  it('that is not there fits a product that is hidden or elsewhere, and none that is there', () => {
    const facts = factsOf(`/v1/products/${ware.handles[0]}?`, 404, {})
    expect(fitting(facts, ware.thing, shown)).toBe(false)
    expect(fitting(facts, ware.thing, { ...shown, isShown: false })).toBe(true)
    expect(fitting(facts, ware.thing, { ...shown, handle: ware.handles[1] })).toBe(true)
  })
})

describe('a list', () => {
  const card = { handle: ware.handles[0], name: nameOf(ware, 5), priceFrom: money }

  it('speaks of every product: of those in it as they are, of the others that they are not', () => {
    const facts = factsOf('/v1/products?market=de&locale=de&limit=100&category=cups', 200, {
      items: [card],
      next: null,
    })
    expect(facts.map(({ thing }) => thing)).toEqual(WARES.map(({ thing }) => thing))
    expect(fitting(facts, ware.thing, shown)).toBe(true)
    for (const state of DIFFERENT) expect(fitting(facts, ware.thing, state)).toBe(false)
    expect(fitting(facts, other.thing, { ...shown, category: 'pots' })).toBe(true)
    expect(fitting(facts, other.thing, shown)).toBe(false)
  })

  it('of everything does not tell categories apart', () => {
    const facts = factsOf('/v1/products?market=de&locale=de&limit=100&sort', 200, {
      items: [card],
      next: null,
    })
    expect(fitting(facts, ware.thing, { ...shown, category: 'teas' })).toBe(true)
    expect(fitting(facts, other.thing, { ...shown, category: 'teas' })).toBe(false)
  })

  it.each([
    ['names a product twice', { items: [card, card], next: null }],
    ['names one that is unknown', { items: [{ ...card, handle: 'strange' }], next: null }],
    ['goes on', { items: [card], next: 'more' }],
  ])('that %s is not taken', (_, body) => {
    const path = '/v1/products?market=de&locale=de&limit=100&sort'
    expect(() => factsOf(path, 200, body)).toThrow()
  })
})

it('the shop opens with products on sale, and drafts that nobody has seen', () => {
  const history = openHistory()
  const states = WARES.map(({ thing }) => history.newest(thing) as ProductState)
  expect(states.some(({ isShown }) => isShown)).toBe(true)
  expect(states.some(({ isShown }) => !isShown)).toBe(true)
})
