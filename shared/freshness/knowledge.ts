/**
 * What one reader knows of a feed: which change touched each tag last, and up to where it knows every change.
 *
 * The whole judgement of the protocol is `isFresh`: an entry may be served only if every change known to the things
 * it was built from is already in it, and nothing between its stamp and our knowledge is unknown.
 */
import { ANY_TAG, type Batch, type Incarnation } from './feed.ts'
import type { Position } from './position.ts'

/** Tags remembered; past it the tags unchanged longest are dropped and the floor rises. */
export const LAST_CHANGE_TAGS_MAX = 50_000

/** Histories remembered as past; a reader of an older one makes us ask. */
const PAST_HISTORIES_MAX = 8

/** What an entry must say of itself to be judged. */
export interface Judged {
  readonly tags: readonly string[]
  readonly stamp: number
  readonly history: string
}

export type Applied =
  /** The batch was taken in, though it may have held nothing new. */
  | 'applied'
  /** There are changes before it that we do not know; nothing was changed. */
  | 'gap'
  /** It is of another incarnation; nothing was changed. */
  | 'foreign'

export class Knowledge {
  readonly #tagsMax: number
  /** Ordered by change, oldest first: setting a tag moves it to the end. */
  #lastChange = new Map<string, number>()
  #incarnation: Incarnation | null = null
  /** Histories that were ours before this one; whatever they held and kept is in it. */
  #past: string[] = []
  #n = -1
  #floor = -1
  #version = 0

  constructor(tagsMax = LAST_CHANGE_TAGS_MAX) {
    this.#tagsMax = tagsMax
  }

  /** The newest change we know, with every one since the floor; -1 before the first batch. */
  get n(): number {
    return this.#n
  }

  get floor(): number {
    return this.#floor
  }

  get history(): string | null {
    return this.#incarnation?.history ?? null
  }

  /** Rises whenever a judgement may have changed, so that a judgement can be remembered. */
  get version(): number {
    return this.#version
  }

  /** Takes a batch in. The caller repairs a gap by asking from `n`, and an incarnation by `reset`. */
  apply(batch: Batch): Applied {
    if (this.#incarnation === null) {
      this.reset(batch)
      return 'applied'
    }
    const { history, copy } = this.#incarnation
    if (batch.incarnation.history !== history || batch.incarnation.copy !== copy) return 'foreign'
    if (batch.from > this.#n) return 'gap'
    const n = this.newest(this.#n, batch.to)
    if (n !== this.#n) {
      this.#learn(batch)
      this.#n = n
      this.#version += 1
    }
    return 'applied'
  }

  /** Batches may repeat and overtake each other, so what is known never goes back. */
  protected newest(known: number, given: number): number {
    return Math.max(known, given)
  }

  /** Forgets everything and starts from this batch: its `from` is the floor. */
  reset(batch: Batch): void {
    const { history } = this
    if (history !== null && history !== batch.incarnation.history) {
      this.#past = [...this.#past.slice(1 - PAST_HISTORIES_MAX), history]
    }
    this.#incarnation = batch.incarnation
    this.#lastChange = new Map()
    this.#floor = batch.from
    this.#n = batch.to
    this.#version += 1
    this.#learn(batch)
  }

  /** True when a reader at this position has seen nothing that we do not know of. */
  covers(position: Position): boolean {
    if (position.history !== this.history) return this.#past.includes(position.history)
    return position.n <= this.#n
  }

  /** True when the tag was changed since the floor, however new an entry claims to be. */
  hasChanged(tag: string): boolean {
    return this.#lastChange.has(tag)
  }

  /** What `isFresh` says, and of an entry that is not: whether a change made it so, or something is unknown. */
  judge(entry: Judged): 'fresh' | 'changed' | 'unknown' {
    if (this.isFresh(entry)) return 'fresh'
    const isKnown = entry.history === this.history && entry.stamp >= this.#floor
    return isKnown ? 'changed' : 'unknown'
  }

  isFresh(entry: Judged): boolean {
    if (entry.history !== this.history || entry.stamp < this.#floor) return false
    if ((this.#lastChange.get(ANY_TAG) ?? 0) > entry.stamp) return false
    return entry.tags.every((tag) => (this.#lastChange.get(tag) ?? 0) <= entry.stamp)
  }

  /**
   * The position of an answer built from this entry: its stamp until our knowledge reaches it, then the newest change
   * among its tags. A tag we know no change of changed at the floor or before.
   */
  positionOf(entry: Judged): Position {
    const { stamp, history, tags } = entry
    if (stamp > this.#n || history !== this.history) return { n: stamp, history }
    let newest = this.#lastChange.get(ANY_TAG) ?? 0
    for (const tag of tags) newest = Math.max(newest, this.#lastChange.get(tag) ?? this.#floor)
    return { n: newest, history }
  }

  #learn(batch: Batch): void {
    for (const { n, tags } of batch.changes) {
      for (const tag of tags) {
        const known = this.#lastChange.get(tag) ?? 0
        this.#lastChange.delete(tag)
        this.#lastChange.set(tag, this.newest(known, n))
      }
    }
    for (const [tag, n] of this.#lastChange) {
      if (this.#lastChange.size <= this.#tagsMax) break
      this.#lastChange.delete(tag)
      this.#floor = Math.max(this.#floor, n)
    }
  }
}
