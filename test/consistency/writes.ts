/** What staff do during a run: each write is a request to an edge, and the states that it makes. */
import type { History } from './history.ts'
import type { Random } from './random.ts'
import {
  CATEGORIES,
  type CategoryHandle,
  categoryNameOf,
  categoryThing,
  type Numbers,
  nameOf,
  type ProductState,
  priceOf,
  type State,
  WARES,
  type Ware,
} from './shop.ts'

export interface Write {
  readonly method: 'PUT' | 'PATCH' | 'POST'
  readonly path: string
  readonly body: unknown
  /** What is true once it has happened. Repeating it changes nothing. */
  readonly states: ReadonlyMap<string, State>
}

/** The ids that the cell gave to the things of the shop. */
export type Ids = ReadonlyMap<string, string>

const WEIGHTS = { price: 6, name: 4, move: 3, rehandle: 2, toggle: 4, import: 1.5, category: 0.7 }
const IMPORTED_MAX = 6

export class Writes {
  readonly #history: History<State>
  readonly #ids: Ids
  readonly #numbers: Numbers
  /** Things with a write under way. */
  readonly #busy = new Set<string>()

  constructor(history: History<State>, ids: Ids, numbers: Numbers) {
    this.#history = history
    this.#ids = ids
    this.#numbers = numbers
  }

  /** A write of things that no other write changes now; `null` when there are none. Give them back with `done`. */
  choose(random: Random): Write | null {
    const kind = random.weighted(WEIGHTS)
    const write =
      kind === 'category'
        ? this.#category(random)
        : kind === 'import'
          ? this.#import(random)
          : this.#product(kind, random)
    for (const thing of write?.states.keys() ?? []) this.#busy.add(thing)
    return write
  }

  done(write: Write): void {
    for (const thing of write.states.keys()) this.#busy.delete(thing)
  }

  #category(random: Random): Write | null {
    const free = CATEGORIES.filter((handle) => !this.#busy.has(categoryThing(handle)))
    if (free.length === 0) return null
    const handle = random.pick(free)
    const thing = categoryThing(handle)
    const name = this.#numbers.next()
    return {
      method: 'PATCH',
      path: `/v1/staff/categories/${this.#ids.get(thing)}`,
      body: { translations: { de: { name: categoryNameOf(handle, name) } } },
      states: new Map([[thing, { kind: 'category', name }]]),
    }
  }

  /** One transaction that replaces many products, and shows those that were hidden. */
  #import(random: Random): Write | null {
    const free = this.#free().filter(({ externalId }) => externalId !== null)
    const wares = free.filter(() => random.chance(0.5)).slice(0, 1 + random.below(IMPORTED_MAX))
    if (wares.length === 0) return null
    const states = new Map<string, State>()
    const rows = wares.map((ware) => {
      const state: ProductState = {
        ...this.#stateOf(ware),
        isShown: true,
        name: this.#numbers.next(),
        price: this.#numbers.next(),
        category: random.pick(CATEGORIES),
      }
      states.set(ware.thing, state)
      return {
        externalId: ware.externalId,
        handle: state.handle,
        translations: { de: { name: nameOf(ware, state.name) } },
        categories: [state.category],
        variants: [{ sku: ware.sku, prices: { EUR: priceOf(state.price) } }],
      }
    })
    return { method: 'PUT', path: '/v1/staff/products', body: { rows }, states }
  }

  #product(kind: Exclude<keyof typeof WEIGHTS, 'import' | 'category'>, random: Random) {
    const free = this.#free()
    if (free.length === 0) return null
    const ware = random.pick(free)
    const before = this.#stateOf(ware)
    const path = `/v1/staff/products/${this.#ids.get(ware.thing)}`
    const make = (write: Omit<Write, 'states'>, change: Partial<ProductState>): Write => {
      return { ...write, states: new Map([[ware.thing, { ...before, ...change }]]) }
    }
    switch (kind) {
      case 'price': {
        const price = this.#numbers.next()
        const body = { prices: { EUR: priceOf(price) } }
        return make(
          { method: 'PUT', path: `/v1/staff/variants/${ware.sku}/prices`, body },
          { price },
        )
      }
      case 'name': {
        const name = this.#numbers.next()
        const body = { translations: { de: { name: nameOf(ware, name) } } }
        return make({ method: 'PATCH', path, body }, { name })
      }
      case 'move': {
        const category = otherOf<CategoryHandle>(CATEGORIES, before.category, random)
        const name = this.#numbers.next()
        const translations = { de: { name: nameOf(ware, name) } }
        const body = { categories: [category], translations }
        return make({ method: 'PATCH', path, body }, { category, name })
      }
      case 'rehandle': {
        const handle = otherOf(ware.handles, before.handle, random)
        return make({ method: 'PATCH', path, body: { handle } }, { handle })
      }
      case 'toggle': {
        const isShown = !before.isShown
        const action = isShown ? 'publish' : 'retire'
        return make({ method: 'POST', path: `${path}/${action}`, body: undefined }, { isShown })
      }
    }
  }

  #free(): Ware[] {
    return WARES.filter(({ thing }) => !this.#busy.has(thing))
  }

  #stateOf({ thing }: Ware): ProductState {
    return this.#history.newest(thing) as ProductState
  }
}

function otherOf<T>(from: readonly T[], present: T, random: Random): T {
  return random.pick(from.filter((each) => each !== present))
}
