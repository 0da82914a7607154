/**
 * The shop that is read and written during a run: its things and their states, and what a reader is shown of a state.
 *
 * Every write makes a state that no other write makes, by a number in a name or a price, so that an answer says by
 * itself which state it shows.
 */
import type { Fact } from './checker.ts'
import { History } from './history.ts'

export const CATEGORIES = ['cups', 'pots', 'teas'] as const
export type CategoryHandle = (typeof CATEGORIES)[number]

/** Products on sale from the start, which imports can replace; and drafts, which no reader has ever seen. */
const IMPORTED = 10
const DRAFTS = 4

export interface ProductState {
  readonly kind: 'product'
  readonly isShown: boolean
  readonly handle: string
  readonly category: CategoryHandle
  /** The number in its name. */
  readonly name: number
  /** The number in its price. */
  readonly price: number
}

export interface CategoryState {
  readonly kind: 'category'
  readonly name: number
}

export type State = ProductState | CategoryState

export interface Ware {
  readonly thing: string
  readonly sku: string
  /** The two addresses between which it moves; giving one up is how a page is deleted. */
  readonly handles: readonly [string, string]
  /** `null` for one that began as a draft. */
  readonly externalId: string | null
}

export const WARES: readonly Ware[] = Array.from({ length: IMPORTED + DRAFTS }, (_, index) => ({
  thing: `product ${index}`,
  sku: `WARE-${index}`,
  handles: [`ware-${index}`, `ware-${index}-too`],
  externalId: index < IMPORTED ? `ware-${index}` : null,
}))

const wareOfHandle = new Map(WARES.flatMap((ware) => ware.handles.map((at) => [at, ware])))

export function categoryThing(handle: string): string {
  return `category ${handle}`
}

/** The state in which every run finds the shop. */
export function openHistory(): History<State> {
  const history = new History<State>()
  for (const category of CATEGORIES) {
    history.open(categoryThing(category), { kind: 'category', name: 0 })
  }
  for (const [index, { thing, handles, externalId }] of WARES.entries()) {
    const category = CATEGORIES[index % CATEGORIES.length]!
    const isShown = externalId !== null
    const first = { kind: 'product', isShown, handle: handles[0], category, name: 0, price: 0 }
    history.open(thing, first as ProductState)
  }
  return history
}

/** The next number of a run: greater than any before, and small enough for a price. */
export class Numbers {
  #last = 0

  next(): number {
    this.#last += 1
    return this.#last
  }
}

const PRICE_FLOOR_MINOR = 1_000

export const nameOf = ({ thing }: Pick<Ware, 'thing'>, number: number) => `${thing} · ${number}`
export const categoryNameOf = (handle: string, number: number) => `${handle} · ${number}`
export const priceOf = (number: number) => PRICE_FLOOR_MINOR + number
export const priceNumberOf = (amountMinor: number) => amountMinor - PRICE_FLOOR_MINOR

/** An address that is read, and how its answer is taken apart. */
export interface Page {
  readonly path: string
  /** Whose writes it shows. */
  readonly things: readonly string[]
  /** @throws {Error} for an answer that the contract does not allow. */
  factsOf(status: number, body: string): Fact<State>[]
}

const PLACE = 'market=de&locale=de'

export const PRODUCT_PAGES: readonly Page[] = WARES.flatMap((ware) =>
  ware.handles.map((handle) => ({
    path: `/v1/products/${handle}?${PLACE}`,
    things: [ware.thing],
    factsOf: (status: number, body: string) => productFacts(handle, status, body),
  })),
)

const WHOLE = `${PLACE}&limit=100`
const EVERYTHING = WARES.map(({ thing }) => thing)

export const LIST_PAGES: readonly Page[] = [
  ...['newest', 'name', '-price'].map((sort) => ({
    path: `/v1/products?${WHOLE}&sort=${sort}`,
    things: EVERYTHING,
    factsOf: (status: number, body: string) => listFacts(null, status, body),
  })),
  ...CATEGORIES.map((category) => ({
    path: `/v1/products?${WHOLE}&category=${category}`,
    things: EVERYTHING,
    factsOf: (status: number, body: string) => listFacts(category, status, body),
  })),
  {
    path: `/v1/categories?${PLACE}`,
    things: CATEGORIES.map(categoryThing),
    factsOf: categoryFacts,
  },
]

export const PAGES: readonly Page[] = [...PRODUCT_PAGES, ...LIST_PAGES]

interface Card {
  handle: string
  name: string
  priceFrom: { amountMinor: number }
}

interface ProductBody {
  handle: string
  name: string
  categories: { handle: string; name: string }[]
  variants: { price: { amountMinor: number } }[]
}

function productFacts(handle: string, status: number, body: string): Fact<State>[] {
  const { thing } = wareOfHandle.get(handle)!
  if (status === 404) {
    const shows = `not at ${handle}`
    return [fact(thing, shows, (state) => !state.isShown || state.handle !== handle)]
  }
  if (status !== 200) throw new Error(`a product page with status ${status}`)
  const page = JSON.parse(body) as ProductBody
  const price = priceNumberOf(page.variants[0]!.price.amountMinor)
  const name = numberIn(page.name)
  const [category, ...others] = page.categories
  const shows = `${name} for ${price} in ${category?.handle} at ${page.handle}`
  const isThis = (state: ProductState) =>
    state.isShown &&
    state.handle === page.handle &&
    state.name === name &&
    state.price === price &&
    state.category === category?.handle &&
    others.length === 0
  return [fact(thing, shows, isThis), ...page.categories.map(categoryFact)]
}

function listFacts(category: string | null, status: number, body: string): Fact<State>[] {
  if (status !== 200) throw new Error(`a list with status ${status}`)
  const { items, next } = JSON.parse(body) as { items: Card[]; next: string | null }
  if (next !== null) throw new Error('a list that was to be whole has another page')
  const cards = new Map<string, Card>()
  for (const card of items) {
    const ware = wareOfHandle.get(card.handle)
    if (ware === undefined || cards.has(ware.thing)) throw new Error(`a strange ${card.handle}`)
    cards.set(ware.thing, card)
  }
  const isMember = (state: ProductState) =>
    state.isShown && (category === null || state.category === category)
  return WARES.map(({ thing }) => {
    const card = cards.get(thing)
    const where = category ?? 'everything'
    if (card === undefined) return fact(thing, `not in ${where}`, (state) => !isMember(state))
    const name = numberIn(card.name)
    const price = priceNumberOf(card.priceFrom.amountMinor)
    return fact(
      thing,
      `${name} for ${price} at ${card.handle} in ${where}`,
      (state) =>
        isMember(state) &&
        state.name === name &&
        state.price === price &&
        state.handle === card.handle,
    )
  })
}

function categoryFacts(status: number, body: string): Fact<State>[] {
  if (status !== 200) throw new Error(`the categories with status ${status}`)
  const { items } = JSON.parse(body) as { items: { handle: string; name: string }[] }
  return items.map(categoryFact)
}

function categoryFact({ handle, name }: { handle: string; name: string }): Fact<State> {
  const number = numberIn(name)
  return {
    thing: categoryThing(handle),
    shows: String(number),
    fits: (state) => state.kind === 'category' && state.name === number,
  }
}

function fact(thing: string, shows: string, fits: (state: ProductState) => boolean): Fact<State> {
  return { thing, shows, fits: (state) => state.kind === 'product' && fits(state) }
}

/** The number at the end of a name that `nameOf` or `categoryNameOf` made. */
export function numberIn(name: string): number {
  return Number(/· (\d+)$/.exec(name)?.[1] ?? Number.NaN)
}
