/** A feed in memory, with the cell's rules for batches: it stands in for the network port, not for code of ours. */
import type { Batch, Change, Incarnation } from '../../../shared/freshness/feed.ts'
import type { FeedSource } from '../../../shared/freshness/follower.ts'
import type { Position } from '../../../shared/freshness/position.ts'

export class FeedModel {
  incarnation: Incarnation = { history: 'h1', copy: 'c1' }
  n: number
  retainedFrom: number
  readonly batchMax: number
  #changes: Change[] = []

  constructor(options: { n?: number; batchMax?: number } = {}) {
    this.n = options.n ?? 0
    this.retainedFrom = this.n
    this.batchMax = options.batchMax ?? 1_000
  }

  get position(): Position {
    return { n: this.n, history: this.incarnation.history }
  }

  commit(...tags: string[]): Position {
    this.n += 1
    this.#changes.push({ n: this.n, tags })
    return this.position
  }

  /** Forgets all but the newest changes, as pruning does. */
  keep(newest: number): void {
    this.retainedFrom = Math.max(this.retainedFrom, this.n - newest)
    this.#changes = this.#changes.filter(({ n }) => n > this.retainedFrom)
  }

  /** Postgres was started again; `lost` of the newest changes did not survive. */
  restart(history: string, lost = 0): void {
    this.n = Math.max(this.retainedFrom, this.n - lost)
    this.#changes = this.#changes.filter(({ n }) => n <= this.n)
    this.incarnation = { ...this.incarnation, history }
  }

  batchAfter(from: number | null): Batch {
    const isKept = from !== null && from >= this.retainedFrom && from <= this.n
    const start = isKept ? from : Math.max(this.retainedFrom, this.n - this.batchMax)
    const to = Math.min(this.n, start + this.batchMax)
    const changes = this.#changes.filter(({ n }) => n > start && n <= to)
    const { incarnation, retainedFrom } = this
    return {
      feed: 'catalogue',
      incarnation,
      from: start,
      to,
      changes,
      retainedFrom,
      cut: to < this.n,
    }
  }
}

/** How a question of the feed ends: with what the feed held when it was made, when the test says so. */
interface Held {
  readonly kind: 'shared' | 'direct'
  readonly from: number | null
  answer(): void
  fail(): void
}

/** A source whose answers wait for the test if told to, and whose shared copy is what the test stored. */
export class ModelSource implements FeedSource {
  readonly feed: FeedModel
  readonly asked: ('shared' | 'direct')[] = []
  readonly held: Held[] = []
  isDown = false
  isHolding = false
  /** A copy that readers nearby share, and the age it says it may have. */
  copy: { batch: Batch; ageMs: number } | null = null

  constructor(feed: FeedModel) {
    this.feed = feed
  }

  shared(): Promise<{ batch: Batch; ageMs: number }> {
    return this.#answer('shared', null, () => {
      return this.copy ?? { batch: this.feed.batchAfter(null), ageMs: 0 }
    })
  }

  direct(from: number | null): Promise<Batch> {
    return this.#answer('direct', from, () => this.feed.batchAfter(from))
  }

  /** The feed is read when it is asked; a held answer travels until the test lets it arrive. */
  #answer<T>(kind: Held['kind'], from: number | null, read: () => T): Promise<T> {
    this.asked.push(kind)
    if (this.isDown) return Promise.reject(new Error('the cell is down'))
    const value = read()
    if (!this.isHolding) return Promise.resolve(value)
    return new Promise<T>((resolve, reject) => {
      this.held.push({
        kind,
        from,
        answer: () => resolve(value),
        fail: () => reject(new Error('the cell was cut off')),
      })
    })
  }
}

/** Lets everything that can go on without the network or the clock go on. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Whatever is kept alive behind an answer; a failure there is the follower's to handle. */
export function background(work: Promise<unknown>): void {
  work.catch(() => undefined)
}
