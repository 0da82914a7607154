/**
 * The cell of the model: items, a list of them, transactions that tick a clock, and a record of when each answer was
 * the true one.
 */
import type { Batch, Change } from '../../../shared/freshness/feed.ts'
import type { Position } from '../../../shared/freshness/position.ts'

export const ITEMS = ['tea', 'pot', 'cup'] as const
export type Item = (typeof ITEMS)[number]
export const KEYS = ['/list', ...ITEMS.map((item) => `/item/${item}`)]
const BATCH_MAX = 4

export interface Answer {
  readonly text: string
  readonly status: 200 | 404
  readonly tags: readonly string[]
}

/** A stretch of time in which one answer was the true one; moments number the shop's changes. */
interface Truth {
  readonly text: string
  readonly from: number
  until: number
  untilMs: number
}

type State = Readonly<Record<Item, { readonly version: number; readonly isListed: boolean }>>

interface Snapshot {
  readonly n: number
  readonly state: State
}

export class Shop {
  history = 'h0'
  /** The newest change and state that are committed. */
  #newest: Snapshot
  #snapshots: Snapshot[]
  /** Those of this history: what a replica can be at that has this history's name. */
  #readable: Snapshot[]
  #changes: Change[] = []
  /** The newest number handed out; runs ahead of the newest committed only when numbers are a sequence. */
  #handedOut = 0
  #versions = 0
  #histories = 0
  moment = 0
  readonly #truths = new Map<string, Truth[]>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
    const item = { version: 0, isListed: true }
    this.#newest = { n: 0, state: { tea: item, pot: item, cup: item } }
    this.#snapshots = [this.#newest]
    this.#readable = [this.#newest]
    this.#record()
  }

  /** What a transaction that begins now will be numbered, if numbers were not given at the commit. */
  handOutNumber(): number {
    this.#handedOut += 1
    return this.#handedOut
  }

  /** Commits a change of an item; one that is not listed is listed by it. */
  commit(item: Item, kind: 'revise' | 'toggle', numbered: number | null): Position {
    const before = this.#newest.state[item]
    const isRevision = kind === 'revise' && before.isListed
    this.#versions += 1
    const after = isRevision
      ? { ...before, version: this.#versions }
      : { version: this.#versions, isListed: !before.isListed }
    const tags = isRevision
      ? [`product:${item}`]
      : [`product:${item}`, `handle:${item}`, 'products']
    const n = numbered ?? this.#newest.n + 1
    this.#handedOut = Math.max(this.#handedOut, n)
    const state = { ...this.#newest.state, [item]: after }
    this.#newest = { n: Math.max(this.#newest.n, n), state }
    this.#snapshots.push(this.#newest)
    this.#readable.push(this.#newest)
    this.#changes.push({ n, tags })
    this.#record()
    return { n, history: this.history }
  }

  /** Postgres was started again, from a copy that lacks the newest changes. */
  restart(lost: number): void {
    const keep = Math.max(1, this.#snapshots.length - lost)
    this.#snapshots = this.#snapshots.slice(0, keep)
    this.#newest = this.#snapshots.at(-1)!
    this.#readable = [this.#newest]
    this.#changes = this.#changes.filter(({ n }) => n <= this.#newest.n)
    this.#handedOut = this.#newest.n
    this.#histories += 1
    this.history = `h${this.#histories}`
    this.#record()
  }

  get clock(): Position {
    return { n: this.#newest.n, history: this.history }
  }

  /** An answer with its stamp, as a replica that lags but has reached the minimum reads them. */
  read(
    key: string,
    options: { minimum: Position | null; lag: number },
  ): { answer: Answer; stamp: Position } {
    const { minimum, lag } = options
    const { n } = this.#newest
    const least = minimum?.history === this.history ? Math.min(minimum.n, n) : 0
    const wanted = Math.max(n - lag, least)
    const snapshot = this.#readable.findLast((each) => each.n <= wanted) ?? this.#readable[0]!
    return {
      answer: answerOf(snapshot.state, key),
      stamp: { n: snapshot.n, history: this.history },
    }
  }

  batchAfter(from: number | null): Batch {
    const { n } = this.#newest
    const start = from !== null && from <= n ? from : Math.max(0, n - BATCH_MAX)
    const to = Math.min(n, start + BATCH_MAX)
    return {
      feed: 'catalogue',
      incarnation: { history: this.history, copy: 'c0' },
      from: start,
      to,
      changes: this.#changes.filter((change) => change.n > start && change.n <= to),
      retainedFrom: 0,
      cut: to < n,
    }
  }

  answerNow(key: string): Answer {
    return answerOf(this.#newest.state, key)
  }

  /**
   * When the text was the true answer, as seen by a reader who has seen everything up to `seen`: the first moment of
   * the first such stretch, or `null` if it was the true answer only before.
   */
  trueSince(
    key: string,
    text: string,
    reader: { seen: number; notBeforeMs: number },
  ): number | null {
    const { seen, notBeforeMs } = reader
    const truth = this.#truths
      .get(key)
      ?.find((each) => each.text === text && each.until > seen && each.untilMs >= notBeforeMs)
    return truth?.from ?? null
  }

  #record(): void {
    this.moment += 1
    for (const key of KEYS) {
      const truths = this.#truths.get(key) ?? []
      this.#truths.set(key, truths)
      const { text } = this.answerNow(key)
      const last = truths.at(-1)
      if (last?.text === text) continue
      if (last !== undefined) {
        last.until = this.moment
        last.untilMs = this.#now()
      }
      const untilMs = Number.POSITIVE_INFINITY
      truths.push({ text, from: this.moment, until: Number.POSITIVE_INFINITY, untilMs })
    }
  }
}

function answerOf(state: State, key: string): Answer {
  if (key === '/list') {
    const listed = ITEMS.filter((item) => state[item].isListed)
    const text = `list ${listed.map((item) => `${item}@${state[item].version}`).join(' ')}`
    return { text, status: 200, tags: ['products', ...listed.map((item) => `product:${item}`)] }
  }
  const item = key.slice('/item/'.length) as Item
  const { version, isListed } = state[item]
  if (!isListed) return { text: `no ${item}`, status: 404, tags: [`handle:${item}`] }
  const tags = [`product:${item}`, `handle:${item}`]
  return { text: `${item}@${version}`, status: 200, tags }
}
