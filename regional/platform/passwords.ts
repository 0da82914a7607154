/**
 * Hashing of passwords (argon2id, RFC 9106), which is slow on purpose: in threads of low priority behind a bounded queue.
 *
 * Hashing takes a whole core for many milliseconds, so it never happens while a connection or a lock is held: hash or
 * verify first, then open the transaction.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { RetrySlots } from '../../shared/limits/retry-slots.ts'
import { Problem } from '../../shared/problems.ts'
import type { Clock } from './clock.ts'
import {
  formatHash,
  PASSWORD_BYTES_MAX,
  PASSWORD_COST,
  type PasswordCost,
  type PasswordHash,
  parseHash,
  readPassword,
  SALT_BYTES,
  TAG_BYTES,
} from './password-format.ts'

const THREAD = new URL('./password-thread.ts', import.meta.url)
/** No more than a thread needs that only calls argon2, whose memory is outside the heap. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 }
/** Believed of one hash until the first was measured. */
const COST_MS_GUESS = 25
/** Believed of any hash: a clock that was set is not a hash that took an hour. */
const COST_MS_MAX = 1_000
/** The share of a new measurement in the mean. */
const COST_WEIGHT = 1 / 16
const RETRY_AFTER_MS_MAX = 600_000
/** Who waited so many times longer than was expected has probably gone, and hashing for them would delay the rest. */
const OVERDUE_FACTOR = 2

/** What a thread is asked. */
export interface Derivation {
  password: Uint8Array
  salt: Uint8Array
  tagBytes: number
  cost: PasswordCost
}

/** What it answers: the tag, or a failure's code, which holds nothing of the password. */
export type Derived = { tag: Uint8Array } | { code: string }

export interface PasswordHasherOptions {
  clock: Clock
  /** Threads: as many cores as sign-ins may take when nobody else wants them. */
  threads: number
  /** A call that is expected to wait longer is refused at once. */
  waitMsMax: number
  /**
   * The share of its time that a thread hashes while there is always more to hash, up to 1, which it is when left out. A
   * low priority yields the processor's time, but neither its caches nor the memory's bandwidth.
   */
  share?: number
  /** `PASSWORD_COST` when left out. */
  cost?: PasswordCost
}

/** A place in the queue, good for one call. */
export interface Turn {
  isTaken: boolean
}

interface Job {
  derivation: Derivation
  arrivedAt: number
  resolve(tag: Buffer): void
  reject(error: Error): void
}

interface Thread {
  readonly worker: Worker
  job: Job | null
  /** When its job was handed over; null while it starts, which is no part of what a hash takes. */
  startedAt: number | null
  /** It has answered once. */
  isWarm: boolean
  /** Set while it rests. */
  rest: NodeJS.Timeout | null
}

export class PasswordHasher {
  readonly #clock: Clock
  readonly #threadsMax: number
  readonly #waitMsMax: number
  readonly #share: number
  readonly #cost: PasswordCost
  readonly #slots = new RetrySlots({ waitMsMax: RETRY_AFTER_MS_MAX })
  readonly #threads = new Set<Thread>()
  readonly #waiting = new Set<Job>()
  /** Places that were given to who has not called yet. */
  #held = 0
  #isClosed = false
  #measuredMs: number | null = null

  constructor(options: PasswordHasherOptions) {
    this.#clock = options.clock
    this.#threadsMax = options.threads
    this.#waitMsMax = options.waitMsMax
    this.#share = options.share ?? 1
    this.#cost = options.cost ?? PASSWORD_COST
  }

  /**
   * The hash to keep of a password, in the PHC string format.
   *
   * @param password one that `assertPassword` has passed.
   * @throws {Problem} `cell.overloaded`, with the second at which to come back.
   */
  async hash(password: string): Promise<string> {
    const read = readPassword(password)
    if ('fault' in read) throw new Error('a password is hashed that nobody may choose')
    const salt = randomBytes(SALT_BYTES)
    const shape = { ...this.#cost, salt, tag: Buffer.alloc(TAG_BYTES) }
    return formatHash({ ...shape, tag: await this.#derive(read.bytes, shape) })
  }

  /**
   * Runs work that needs a password compared with something that it must look up first. The place in the queue is taken
   * before, so that who is refused has cost the database nothing.
   *
   * @throws {Problem} `cell.overloaded`, with the second at which to come back.
   */
  async inTurn<T>(work: (turn: Turn) => Promise<T>): Promise<T> {
    this.#assertRoom()
    const turn: Turn = { isTaken: false }
    this.#held += 1
    try {
      return await work(turn)
    } finally {
      this.#take(turn)
    }
  }

  /**
   * Whether a password is the one that was hashed, compared in constant time.
   *
   * @param turn the place to use up; without one there must be room.
   * @returns `needsRehash` when it is, and its hash has cost less than hashes do now.
   * @throws {Problem} `cell.overloaded`, with the second at which to come back.
   */
  async verify(
    password: string,
    hash: string,
    turn?: Turn,
  ): Promise<{ matches: boolean; needsRehash: boolean }> {
    const stored = parseHash(hash)
    const read = readPassword(password)
    const tag = await this.#derive(bytesOf(password), stored, turn)
    const matches = 'bytes' in read && timingSafeEqual(tag, stored.tag)
    return { matches, needsRehash: matches && !this.#isCurrent(stored) }
  }

  /**
   * Does the work of `verify` for an account that there is none of, so that it is not told from a wrong password.
   *
   * @throws {Problem} `cell.overloaded`, with the second at which to come back.
   */
  async verifyNothing(password: string, turn?: Turn): Promise<void> {
    const shape = { ...this.#cost, salt: randomBytes(SALT_BYTES), tag: Buffer.alloc(TAG_BYTES) }
    const tag = await this.#derive(bytesOf(password), shape, turn)
    timingSafeEqual(tag, shape.tag)
  }

  /** What one call keeps the next waiting for, in whole milliseconds. */
  get turnMs(): number {
    return Math.max(1, Math.round(this.#costMs()))
  }

  /** Calls that wait for a thread. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Ends the threads; whatever was not done by then fails. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const job of this.#waiting) job.reject(new Problem('cell.unavailable'))
    this.#waiting.clear()
    for (const { rest } of this.#threads) clearTimeout(rest ?? undefined)
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()))
  }

  #isCurrent({ memoryKiB, passes, parallelism, tag }: PasswordHash): boolean {
    const { memoryKiB: memory, passes: times, parallelism: lanes } = this.#cost
    const isSameCost = memoryKiB === memory && passes === times && parallelism === lanes
    return isSameCost && tag.length === TAG_BYTES
  }

  #derive(password: Uint8Array, hash: PasswordHash, turn?: Turn): Promise<Buffer> {
    const { salt, tag, memoryKiB, passes, parallelism } = hash
    const derivation: Derivation = {
      password,
      salt,
      tagBytes: tag.length,
      cost: { memoryKiB, passes, parallelism },
    }
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new Problem('cell.unavailable')
      if (turn === undefined || !this.#take(turn)) this.#assertRoom()
      this.#waiting.add({ derivation, arrivedAt: this.#now(), resolve, reject })
      this.#dispatch()
    })
  }

  /** @returns false when it was used up before. */
  #take(turn: Turn): boolean {
    if (turn.isTaken) return false
    turn.isTaken = true
    this.#held -= 1
    return true
  }

  #assertRoom(): void {
    let running = 0
    for (const { job } of this.#threads) if (job !== null) running += 1
    const ahead = running + this.#waiting.size + this.#held
    const costMs = this.#costMs()
    if (ahead < this.#threadsMax || ahead * costMs <= this.#waitMsMax) return
    throw this.#refusal(ahead * costMs)
  }

  #refusal(drainMs: number): Problem {
    const now = this.#now()
    const slot = { now, freeAt: now + drainMs, costMs: this.#costMs() }
    return new Problem('cell.overloaded', { retryAfterSeconds: this.#slots.give(slot) })
  }

  /** What one hash takes of all threads together, with the rest after it. */
  #costMs(): number {
    return this.#hashMs() / this.#share / this.#threadsMax
  }

  #hashMs(): number {
    return this.#measuredMs ?? COST_MS_GUESS
  }

  #now(): number {
    return this.#clock.now().getTime()
  }

  #dispatch(): void {
    for (const job of this.#waiting) {
      const thread = this.#idleThread()
      if (thread === null) return
      this.#waiting.delete(job)
      if (this.#now() - job.arrivedAt > this.#waitMsMax * OVERDUE_FACTOR) {
        job.reject(this.#refusal(this.#waiting.size * this.#costMs()))
        continue
      }
      thread.job = job
      thread.startedAt = thread.isWarm ? this.#now() : null
      thread.worker.postMessage(job.derivation)
    }
  }

  /** A thread without a job; a new one as long as there are fewer than may be, so one that died is replaced. */
  #idleThread(): Thread | null {
    for (const thread of this.#threads) {
      if (thread.job === null && thread.rest === null) return thread
    }
    return this.#threads.size < this.#threadsMax ? this.#startThread() : null
  }

  #startThread(): Thread {
    const worker = new Worker(THREAD, {
      name: 'passwords',
      env: {},
      execArgv: [],
      resourceLimits: THREAD_LIMITS,
    })
    const thread: Thread = { worker, job: null, startedAt: null, isWarm: false, rest: null }
    this.#threads.add(thread)
    worker.on('message', (derived: Derived) => this.#settle(thread, derived))
    // The exit that follows says all there is to say; without a listener an error would end the process.
    worker.on('error', () => {})
    worker.on('exit', () => {
      this.#threads.delete(thread)
      clearTimeout(thread.rest ?? undefined)
      thread.job?.reject(new Error('a thread that hashes passwords ended'))
      if (!this.#isClosed) this.#dispatch()
    })
    return thread
  }

  #settle(thread: Thread, derived: Derived): void {
    const job = thread.job!
    thread.job = null
    thread.isWarm = true
    if (thread.startedAt !== null) this.#measure(this.#now() - thread.startedAt)
    if (this.#share < 1) this.#rest(thread)
    if ('tag' in derived) job.resolve(Buffer.from(derived.tag))
    else job.reject(new Error(`a password cannot be hashed: ${derived.code}`))
    this.#dispatch()
  }

  #rest(thread: Thread): void {
    const ms = this.#hashMs() * (1 / this.#share - 1)
    thread.rest = setTimeout(() => {
      thread.rest = null
      this.#dispatch()
    }, ms)
  }

  #measure(ms: number): void {
    const tookMs = Math.min(Math.max(ms, 0), COST_MS_MAX)
    const mean = this.#measuredMs
    this.#measuredMs = mean === null ? tookMs : mean + (tookMs - mean) * COST_WEIGHT
  }
}

/** What is hashed of any password, even one that nobody may choose: as many bytes as of one that they may. */
function bytesOf(password: string): Uint8Array {
  const read = readPassword(password)
  if ('bytes' in read) return read.bytes
  return Buffer.from(password.slice(0, PASSWORD_BYTES_MAX))
}
