/**
 * Follows a feed: polls only when requests flow, behind the shopper's back while knowledge is young, before answering
 * when it is old or the reader has seen more.
 */
import { type Batch, FEED_REFRESH_MS, FEED_STALE_MS_MAX } from './feed.ts'
import { Knowledge } from './knowledge.ts'
import type { Position } from './position.ts'
import { after, within } from './within.ts'

/** Where batches come from. */
export interface FeedSource {
  /**
   * A batch of the newest changes that readers nearby may share, from about `known` on if it has to be asked for.
   *
   * `ageMs` bounds how long ago the cell made the statement it came from.
   */
  shared(known: number | null): Promise<{ batch: Batch; ageMs: number }>
  /** Asks the cell itself for the changes after `from`; for the newest ones when `null`. */
  direct(from: number | null): Promise<Batch>
}

/** Milliseconds of this machine's own clock; only differences of it are used. */
export type Milliseconds = () => number

/** Keeps work alive after the answer has been sent. */
export type WaitUntil = (work: Promise<unknown>) => void

/** A joined poll that does not settle (its request was cut off) is given up for one of our own. */
const JOIN_MS_MAX = 3_000
/** After a failed poll, how long before another is tried. */
export const FEED_RETRY_MS = 500
/** Batches taken one after another when the feed is cut at its limit. */
const CUT_BATCHES_MAX = 100

export interface FollowerCounters {
  polls: number
  pollFailures: number
  forcedPolls: number
  gaps: number
  resets: number
}

interface Poll {
  /** Counts the polls, so that which began first is known without a clock. */
  readonly number: number
  readonly kind: 'shared' | 'direct'
  readonly done: Promise<boolean>
}

/** A moment of our clock, and which of its runs it belongs to. */
interface Instant {
  readonly atMs: number
  readonly setBacks: number
  readonly ageMs?: number
}

export class FeedFollower {
  readonly knowledge: Knowledge
  readonly counters: FollowerCounters = {
    polls: 0,
    pollFailures: 0,
    forcedPolls: 0,
    gaps: 0,
    resets: 0,
  }
  readonly #source: FeedSource
  readonly #now: Milliseconds
  readonly #forcedSpacingMs: number
  #asOfMs = Number.NEGATIVE_INFINITY
  #attemptedAtMs = Number.NEGATIVE_INFINITY
  #failed = false
  #failure: unknown = null
  #poll: Poll | null = null
  #started = 0
  /** When the newest direct poll began, and the number of the newest that succeeded. */
  #directAtMs = Number.NEGATIVE_INFINITY
  #directDone = 0
  /** The last moment we saw, and how often our clock was set back since the start. */
  #lastMs = Number.NEGATIVE_INFINITY
  #setBacks = 0
  /** Questions put to the cell itself, and the newest of them whose answer was taken. */
  #asked = 0
  #taken = 0

  /** @param options.forcedSpacingMs how far apart polls begin that positions force; none when left out. */
  constructor(options: {
    source: FeedSource
    now: Milliseconds
    knowledge?: Knowledge
    forcedSpacingMs?: number
  }) {
    this.#source = options.source
    this.#now = options.now
    this.#forcedSpacingMs = options.forcedSpacingMs ?? 0
    this.knowledge = options.knowledge ?? new Knowledge()
  }

  /** How old our knowledge is at most; infinite before the first batch. */
  get ageMs(): number {
    return this.#moment() - this.#asOfMs
  }

  get isCurrent(): boolean {
    return this.ageMs <= FEED_STALE_MS_MAX
  }

  /** What the newest poll that failed was ended by; `null` when none has failed since the newest that succeeded. */
  get failure(): unknown {
    return this.#failure
  }

  /** True when a reader at this position can be answered from what we know. */
  covers(position: Position | null): boolean {
    return position === null || this.knowledge.covers(position)
  }

  /** Starts a poll behind the answer if knowledge is getting old. Cheap when it is not. */
  refreshBehind(waitUntil: WaitUntil): void {
    const nowMs = this.#moment()
    if (nowMs - this.#asOfMs <= FEED_REFRESH_MS || this.#poll !== null) return
    if (nowMs - this.#attemptedAtMs < FEED_REFRESH_MS / 2) return
    waitUntil(this.#start('shared').done)
  }

  /**
   * Brings knowledge to where this reader may be answered.
   *
   * @param beforeForced runs before this reader's position makes a poll start, and may throw to refuse it. Joining a
   *   poll that another reader started costs nothing.
   * @returns false when the feed cannot be reached and what we know is too old to vouch for anything.
   */
  async bringUpTo(
    position: Position | null,
    waitUntil: WaitUntil,
    beforeForced?: () => void,
  ): Promise<boolean> {
    const startedBefore = this.#started
    if (!this.isCurrent && !(await this.#pollOnce('shared', waitUntil))) return false
    // A shared copy may be too old to vouch for anything, like no knowledge at all.
    if (this.isCurrent && this.covers(position)) return true
    return await this.#force({ position, startedBefore, beforeForced }, waitUntil)
  }

  /**
   * Asks the cell itself, past any shared copy. A poll under way is joined only if it began after the reader arrived.
   * Those who come too soon after the newest one wait, and share the next.
   */
  async #force(
    reader: {
      position: Position | null
      /** Polls that had begun when the reader arrived. */
      startedBefore: number
      beforeForced?: (() => void) | undefined
    },
    waitUntil: WaitUntil,
  ): Promise<boolean> {
    const { position, startedBefore, beforeForced } = reader
    this.counters.forcedPolls += 1
    const underWay = this.#poll
    if (underWay?.kind === 'direct' && underWay.number <= startedBefore) {
      await this.#join(underWay)
      if (this.isCurrent && this.covers(position)) return true
    }
    const waitMs = this.#forcedSpacingMs - (this.#moment() - this.#directAtMs)
    if (waitMs > 0) {
      // A timer of this request's own: another's may be cut off, and would never end.
      await after(waitMs)
      const isAnswered = this.covers(position) || this.#directDone > startedBefore
      if (this.isCurrent && isAnswered) return true
    }
    const isAsked = !this.covers(position)
    return await this.#pollOnce('direct', waitUntil, isAsked ? beforeForced : undefined)
  }

  /** One poll, ours or one already under way. False when it failed, or one failed just now. */
  async #pollOnce(
    kind: Poll['kind'],
    waitUntil: WaitUntil,
    beforeStart?: () => void,
  ): Promise<boolean> {
    if (this.#poll !== null && (kind === 'shared' || this.#poll.kind === 'direct')) {
      const joined = await this.#join(this.#poll)
      if (joined !== null) return joined
    }
    if (this.#failed && this.#moment() - this.#attemptedAtMs < FEED_RETRY_MS) return false
    beforeStart?.()
    const poll = this.#start(kind)
    waitUntil(poll.done)
    return await poll.done
  }

  /** `null` when the poll does not settle. */
  async #join(poll: Poll): Promise<boolean | null> {
    const done = await within(poll.done, JOIN_MS_MAX)
    if (done !== 'late') return done
    if (this.#poll === poll) this.#poll = null
    return null
  }

  #start(kind: Poll['kind']): Poll {
    const startedAtMs = this.#moment()
    this.#attemptedAtMs = startedAtMs
    if (kind === 'direct') this.#directAtMs = startedAtMs
    this.#started += 1
    const number = this.#started
    const done = this.#run(kind)
      .then(
        () => {
          if (kind === 'direct') this.#directDone = Math.max(this.#directDone, number)
          this.#failure = null
          return true
        },
        (cause: unknown) => {
          this.counters.pollFailures += 1
          this.#failure = cause
          return false
        },
      )
      .then((succeeded) => {
        this.#failed = !succeeded
        if (this.#poll === poll) this.#poll = null
        return succeeded
      })
    const poll: Poll = { number, kind, done }
    this.#poll = poll
    return poll
  }

  async #run(kind: Poll['kind']): Promise<void> {
    this.counters.polls += 1
    await (kind === 'shared' ? this.#takeShared() : this.#takeDirect(this.#instant()))
  }

  async #takeShared(): Promise<void> {
    const started = this.#instant()
    const { knowledge } = this
    const known = knowledge.history === null ? null : knowledge.n
    const { batch, ageMs } = await this.#source.shared(known)
    const isUsable = knowledge.apply(batch) === 'applied' && !batch.cut
    // A batch that ends before what we know says nothing of the rest.
    if (!isUsable || batch.to < knowledge.n) return await this.#takeDirect(started)
    this.#vouch({ ...this.#instant(), ageMs })
  }

  async #takeDirect(started: Instant): Promise<void> {
    for (let taken = 0; taken < CUT_BATCHES_MAX; taken += 1) {
      const { knowledge } = this
      this.#asked += 1
      const asked = this.#asked
      const batch = await this.#source.direct(knowledge.history === null ? null : knowledge.n)
      const applied = knowledge.apply(batch)
      // Of another incarnation, but a later question was answered first: which of them is over, only the cell knows.
      if (applied === 'foreign' && asked < this.#taken) continue
      this.#taken = Math.max(this.#taken, asked)
      if (applied !== 'applied') {
        this.counters[applied === 'gap' ? 'gaps' : 'resets'] += 1
        knowledge.reset(batch)
      }
      if (!batch.cut) {
        this.#vouch(started)
        return
      }
    }
    throw new Error('the feed stays ahead of its reader')
  }

  /** Knowledge holds every change up to so long before that instant. */
  #vouch({ atMs, setBacks, ageMs = 0 }: Instant): void {
    const nowMs = this.#moment()
    if (setBacks !== this.#setBacks || atMs - ageMs > nowMs) return
    this.#asOfMs = Math.max(this.#asOfMs, atMs - ageMs)
  }

  #instant(): Instant {
    return { atMs: this.#moment(), setBacks: this.#setBacks }
  }

  /** Now. A clock that was set back cannot tell how old our knowledge is, so it vouches for nothing any more. */
  #moment(): number {
    const nowMs = this.#now()
    if (nowMs < this.#lastMs) {
      this.#setBacks += 1
      this.#asOfMs = Number.NEGATIVE_INFINITY
      this.#attemptedAtMs = Number.NEGATIVE_INFINITY
      this.#directAtMs = Number.NEGATIVE_INFINITY
    }
    this.#lastMs = nowMs
    return nowMs
  }
}
