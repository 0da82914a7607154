/** A small seeded generator, so that the operations of a run can be chosen again. */

export interface Random {
  /** At least 0 and below 1. */
  next(): number
  /** A whole number, at least 0 and below `bound`. */
  below(bound: number): number
  /** True so often. */
  chance(probability: number): boolean
  pick<T>(from: readonly T[]): T
  /** One of the keys, each as often as its weight says. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key
  /** A generator of its own, whose numbers do not depend on how often this one is asked afterwards. */
  fork(): Random
}

/** Mulberry32: 32 bits of state are plenty for choosing operations. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (bound: number) => Math.floor(next() * bound)
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (from) => from[below(from.length)]!,
    weighted: (weights) => {
      const entries = Object.entries(weights) as [never, number][]
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [key, weight] of entries) {
        left -= weight
        if (left < 0) return key
      }
      return entries.at(-1)![0]
    },
    fork: () => randomFrom(below(4_294_967_296)),
  }
}
