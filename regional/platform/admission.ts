/**
 * Admission to a scarce resource: so many at once, so many waiting, so long. Beyond that a caller is told to come
 * back, at once, because a queue without a bound only turns an overload into a timeout.
 */
import { Problem } from '../../shared/problems.ts'

interface Waiter {
  admit: () => void
  timer: NodeJS.Timeout
}

export class Admission {
  readonly #runningMax: number
  readonly #waitingMax: number
  readonly #waitMsMax: number
  readonly #waiting = new Set<Waiter>()
  #running = 0

  constructor(options: { runningMax: number; waitingMax: number; waitMsMax: number }) {
    this.#runningMax = options.runningMax
    this.#waitingMax = options.waitingMax
    this.#waitMsMax = options.waitMsMax
  }

  /**
   * Runs `work` when a place is free, in order of arrival.
   *
   * @throws {Problem} `cell.overloaded` when too many wait already, or the wait was too long.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#runningMax) this.#running += 1
    else await this.#turn()
    try {
      return await work()
    } finally {
      this.#release()
    }
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.size
  }

  #turn(): Promise<void> {
    if (this.#waiting.size >= this.#waitingMax) {
      return Promise.reject(new Problem('cell.overloaded', { retryAfterSeconds: 1 }))
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter)
        reject(new Problem('cell.overloaded', { retryAfterSeconds: 1 }))
      }, this.#waitMsMax)
      const waiter: Waiter = { admit: resolve, timer }
      this.#waiting.add(waiter)
    })
  }

  /** Hands the place to the one who waits longest, or frees it. */
  #release(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#running -= 1
      return
    }
    this.#waiting.delete(next)
    clearTimeout(next.timer)
    next.admit()
  }
}
