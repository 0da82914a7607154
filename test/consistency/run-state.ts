/** What everybody in a run shares: its shop's history, its checker, its counts, and whether writers may write. */
import { accessToken } from '../support/keys.ts'
import { Checker } from './checker.ts'
import type { Random } from './random.ts'
import { Numbers, openHistory, type State } from './shop.ts'
import { type Ids, Writes } from './writes.ts'

/** A token lives ten minutes. */
const TOKEN_MS_MAX = 300_000

export class RunState {
  readonly checker: Checker<State>
  readonly writes: Writes
  readonly random: Random
  readonly counts = {
    reads: 0,
    writes: 0,
    hits: 0,
    standIns: 0,
    refused: 0,
    limited: 0,
    repeats: 0,
  }
  /** Histories of the feed in the order in which anybody first heard of them. */
  readonly histories: string[] = []
  #token: { text: string; atMs: number } | null = null
  #paused: Promise<void> | null = null
  #writing = 0
  #allResting: (() => void) | null = null
  #isOver = false
  #isAbandoned = false

  constructor(options: { ids: Ids; random: Random }) {
    this.checker = new Checker(openHistory())
    this.random = options.random
    this.writes = new Writes(this.checker.history, options.ids, new Numbers())
  }

  get isOver(): boolean {
    return this.#isOver
  }

  end(): void {
    this.#isOver = true
  }

  /** The run failed: not even a write that is under way is waited for. */
  get isAbandoned(): boolean {
    return this.#isAbandoned
  }

  abandon(): void {
    this.#isOver = true
    this.#isAbandoned = true
  }

  async staffToken(): Promise<string> {
    const nowMs = performance.now()
    if (this.#token === null || nowMs - this.#token.atMs > TOKEN_MS_MAX) {
      this.#token = { text: await accessToken(), atMs: nowMs }
    }
    return this.#token.text
  }

  /** Runs one write, unless writers are held; it is answered before it counts as done. */
  async write(work: () => Promise<void>): Promise<void> {
    while (this.#paused !== null) await this.#paused
    this.#writing += 1
    try {
      await work()
    } finally {
      this.#writing -= 1
      if (this.#writing === 0) this.#allResting?.()
    }
  }

  /** Runs `work` while no write is under way and none begins. */
  async withoutWriters<T>(work: () => Promise<T>): Promise<T> {
    let release = () => {}
    this.#paused = new Promise((resolve) => {
      release = resolve
    })
    if (this.#writing > 0) {
      await new Promise<void>((resolve) => {
        this.#allResting = resolve
      })
    }
    this.#allResting = null
    try {
      return await work()
    } finally {
      this.#paused = null
      release()
    }
  }
}
