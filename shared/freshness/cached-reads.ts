/**
 * Cached reads, the one implementation of every tier: memory, then what is shared nearby, then the tier below. An edge
 * uses it over the cell, and the cell's shield over Postgres. One judgement, `Knowledge.isFresh`, decides everywhere.
 */
import type { Entry } from './entry.ts'
import { FEED_STALE_MS_MAX, FEED_WINDOW } from './feed.ts'
import type { FeedFollower, Milliseconds, WaitUntil } from './follower.ts'
import type { MemoryTier } from './memory-tier.ts'
import type { Position } from './position.ts'
import { within } from './within.ts'

/** A cache shared by the isolates of one colo. Its failures read as absence. */
export interface ColoTier {
  get(key: string): Promise<Entry | null>
  set(key: string, entry: Entry, seconds: number): Promise<void>
}

/** For a process that shares nothing with its neighbours. */
export const NO_COLO: ColoTier = { get: async () => null, set: async () => undefined }

/** What the tier below answered: an entry, or a response that no cache may hold. */
export type Fetched =
  | {
      kind: 'entry'
      entry: Entry
      /** The bytes of the copy that was asked about still hold. */
      renewed: boolean
      /** That tier had it in memory of its own. */
      shielded: boolean
    }
  | { kind: 'response'; response: Response }

/** The tier below. Rejects when it cannot be reached in time. */
export interface Origin {
  fetch(request: { key: string; minimum: Position | null; stale: Entry | null }): Promise<Fetched>
}

export interface CachedRequest {
  /** Canonical path and query: all that the answer depends on. */
  readonly key: string
  readonly origin: Origin
  /** What the reader has seen: an edge's reader its position, a shield's the minimum it was asked for. */
  readonly position: Position | null
  /** How long after its fill an older copy may stand in for the tier below; 0 for never. */
  readonly staleIfErrorSeconds: number
  /** Runs before the position makes the feed be polled, and may throw to refuse it. */
  readonly beforeForced?: () => void
}

export type Served =
  | {
      kind: 'entry'
      entry: Entry
      position: Position
      /** Where it was found. `stale`: the tier below cannot be reached and an older copy stands in. */
      from: 'memory' | 'colo' | 'origin' | 'stale'
      /** Why the tier below was asked, when it was. */
      forward: 'miss' | 'stale' | null
      renewed: boolean
      shielded: boolean
      collapsed: boolean
    }
  | { kind: 'response'; response: Response }
  /** Nothing that this reader may be shown can be had. `cause` is what the tier below, or its feed, threw, if it did. */
  | { kind: 'unavailable'; cause: unknown }

export interface ReadCounters {
  memoryHits: number
  coloHits: number
  /** Requests to the tier below, and how many of them found that our bytes still held. */
  fills: number
  renewals: number
  /** Fills that the tier below answered from memory of its own. */
  shieldHits: number
  /** Reads that joined a request under way in place of one of their own. */
  collapsed: number
  /** Answers of the tier below that were too old to be shown, and were asked for once more. */
  refetches: number
  staleServed: number
  unavailable: number
  /** Hits by the age of the knowledge they were judged by: at most `VOUCHED_MS[i]` milliseconds. */
  vouched: number[]
}

/** What a hit can be stale by, at most, in steps: the age of the knowledge that vouched for it. */
export const VOUCHED_MS = [100, 250, 500, 1_000, FEED_STALE_MS_MAX] as const

/** The tier below cannot be reached, or is as good as gone. */
interface Failed {
  readonly kind: 'failed'
  readonly cause: unknown
}

/** A request to the tier below, under way. */
export interface Flight {
  readonly minimum: Position | null
  readonly done: Promise<Fetched | Failed>
}

/** A joined fill that does not settle is given up for one of our own. */
const JOIN_MS_MAX = 6_000
/** An entry in the colo is stored again when its stamp lags so many changes, for the isolates that start later. */
const RESTAMP_CHANGES = FEED_WINDOW / 2

export class CachedReads {
  readonly counters: ReadCounters = {
    memoryHits: 0,
    coloHits: 0,
    fills: 0,
    renewals: 0,
    shieldHits: 0,
    collapsed: 0,
    refetches: 0,
    staleServed: 0,
    unavailable: 0,
    vouched: VOUCHED_MS.map(() => 0),
  }
  readonly #follower: FeedFollower
  readonly #memory: MemoryTier
  readonly #colo: ColoTier
  readonly #flights = new Map<string, Flight>()
  /** The knowledge version under which an entry was last found fresh, so that a hit costs two comparisons. */
  readonly #judged = new WeakMap<Entry, { version: number; position: Position }>()
  readonly #filledAtMs = new WeakMap<Entry, number>()
  readonly #coloStamps = new WeakMap<Entry, number>()
  readonly #now: Milliseconds

  constructor(parts: {
    follower: FeedFollower
    memory: MemoryTier
    colo: ColoTier
    now: Milliseconds
  }) {
    this.#follower = parts.follower
    this.#memory = parts.memory
    this.#colo = parts.colo
    this.#now = parts.now
  }

  /** A fresh answer from memory, without waiting for anything; `null` when there is none. */
  fromMemory(request: CachedRequest, waitUntil: WaitUntil): Served | null {
    const { key, position } = request
    if (!this.#follower.isCurrent || !this.#follower.covers(position)) return null
    const entry = this.#memory.get(key)
    const own = entry === undefined ? null : this.#positionIfFresh(entry)
    if (entry === undefined || own === null) return null
    this.#follower.refreshBehind(waitUntil)
    this.counters.memoryHits += 1
    this.#countVouched()
    this.#restampColo(request, entry, waitUntil)
    return hit(entry, own, 'memory')
  }

  /** @throws whatever `beforeForced` throws. */
  async read(request: CachedRequest, waitUntil: WaitUntil): Promise<Served> {
    const { position, beforeForced } = request
    const current = await this.#follower.bringUpTo(position, waitUntil, beforeForced)
    if (!current) return await this.#withoutFeed(request)
    const inMemory = this.fromMemory({ ...request, position: null }, waitUntil)
    if (inMemory !== null) return inMemory
    const stored = await this.#confirmed(await this.#colo.get(request.key), waitUntil)
    if (stored !== null) {
      // Before it is judged, which raises its stamp here but not there.
      this.#coloStamps.set(stored, stored.stamp)
      const own = this.#positionIfFresh(stored)
      if (own !== null) {
        this.counters.coloHits += 1
        this.#countVouched()
        this.#keep(request.key, stored)
        this.#restampColo(request, stored, waitUntil)
        return hit(stored, own, 'colo')
      }
    }
    return await this.#fill(request, this.#newer(this.#memory.get(request.key), stored), waitUntil)
  }

  /**
   * What says that it holds changes that we do not know of is believed when the cell's clock confirms them; otherwise
   * it is passed over, because no change would ever seem newer than such a stamp.
   */
  async #confirmed(stored: Entry | null, waitUntil: WaitUntil): Promise<Entry | null> {
    if (stored === null || !this.#isBeyond(stored)) return stored
    await this.#follower.bringUpTo({ n: stored.stamp, history: stored.history }, waitUntil)
    return this.#isBeyond(stored) ? null : stored
  }

  #isBeyond({ stamp, history }: Entry): boolean {
    const { knowledge } = this.#follower
    return history === knowledge.history && stamp > knowledge.n
  }

  /**
   * Judges an entry, and re-stamps one that passes to the knowledge it passed under.
   *
   * @returns the position its answer carries; `null` when it is not fresh.
   */
  #positionIfFresh(entry: Entry): Position | null {
    const { knowledge } = this.#follower
    if (entry.untilMs <= this.#now()) return null
    const before = this.#judged.get(entry)
    if (before !== undefined && before.version === knowledge.version) return before.position
    if (!knowledge.isFresh(entry)) return null
    const position = knowledge.positionOf(entry)
    if (knowledge.n > entry.stamp) entry.stamp = knowledge.n
    this.#judged.set(entry, { version: knowledge.version, position })
    return position
  }

  async #fill(request: CachedRequest, stale: Entry | null, waitUntil: WaitUntil): Promise<Served> {
    const { key } = request
    const minimum = this.minimumFor(request.position)
    const first = await this.#fetch(request, { minimum, stale }, waitUntil)
    let fetched = first.fetched
    if (
      fetched.kind === 'entry' &&
      !(await this.#isAcceptable(fetched.entry, minimum, waitUntil))
    ) {
      this.counters.refetches += 1
      const named = this.minimumFor(request.position)
      fetched = (await this.#fetch(request, { minimum: named, stale: null }, waitUntil)).fetched
      // No tier answers with less than it was asked for; one that does is as good as gone.
      if (fetched.kind === 'entry' && !this.isEnough(fetched.entry, named)) {
        fetched = { kind: 'failed', cause: null }
      }
    }
    if (fetched.kind === 'failed') return this.#standIn(request, stale, fetched.cause)
    if (fetched.kind === 'response') return fetched
    const { entry, renewed, shielded } = fetched
    const position = this.#positionIfFresh(entry) ?? this.#follower.knowledge.positionOf(entry)
    this.#keep(key, entry)
    this.#coloStamps.set(entry, entry.stamp)
    if (!first.collapsed) waitUntil(this.#colo.set(key, entry, request.staleIfErrorSeconds))
    const forward = stale === null ? 'miss' : 'stale'
    const { collapsed } = first
    return { kind: 'entry', entry, position, from: 'origin', forward, renewed, shielded, collapsed }
  }

  /**
   * The greater of what the reader has seen and what we know. A position that is still ahead after the cell itself
   * was asked is nobody's, and is left out.
   */
  protected minimumFor(position: Position | null): Position | null {
    const { history, n } = this.#follower.knowledge
    if (history === null) return position
    return { n, history }
  }

  /**
   * Tests what arrived like a cached entry. One of another history than ours means that ours is over: the cell is
   * asked which it is.
   */
  async #isAcceptable(
    entry: Entry,
    minimum: Position | null,
    waitUntil: WaitUntil,
  ): Promise<boolean> {
    const { knowledge } = this.#follower
    if (entry.history !== knowledge.history) {
      await this.#follower.bringUpTo({ n: entry.stamp, history: entry.history }, waitUntil)
      return entry.history === knowledge.history && knowledge.isFresh(entry)
    }
    return this.isEnough(entry, minimum) && knowledge.isFresh(entry)
  }

  /** True when what arrived reaches the minimum it was asked for; another history is for the follower to settle. */
  protected isEnough(entry: Entry, minimum: Position | null): boolean {
    return minimum === null || minimum.history !== entry.history || entry.stamp >= minimum.n
  }

  /** A reader joins a request under way only if that request's minimum covers its own. */
  protected mayJoin(flight: Flight, minimum: Position | null): boolean {
    return covers(flight.minimum, minimum)
  }

  /** One request to the tier below, or one under way that may be joined. */
  async #fetch(
    { key, origin }: CachedRequest,
    asked: { minimum: Position | null; stale: Entry | null },
    waitUntil: WaitUntil,
  ): Promise<{ fetched: Fetched | Failed; collapsed: boolean }> {
    const underWay = this.#flights.get(key)
    if (underWay !== undefined && this.mayJoin(underWay, asked.minimum)) {
      const fetched = await within(underWay.done, JOIN_MS_MAX)
      // A failure is shared too, so that those who wait do not all ask a cell that cannot answer. A response's body
      // belongs to the request that fetched it; only bytes are shared.
      if (fetched !== 'late' && fetched.kind !== 'response') {
        this.counters.collapsed += 1
        return { fetched, collapsed: true }
      }
    }
    this.counters.fills += 1
    const flight: Flight = {
      minimum: asked.minimum,
      done: origin
        .fetch({ key, ...asked })
        .catch((cause: unknown): Failed => ({ kind: 'failed', cause })),
    }
    this.#flights.set(key, flight)
    waitUntil(flight.done)
    const fetched = await flight.done
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
    if (fetched.kind === 'entry' && fetched.renewed) this.counters.renewals += 1
    if (fetched.kind === 'entry' && fetched.shielded) this.counters.shieldHits += 1
    return { fetched, collapsed: false }
  }

  /** The feed cannot be reached, so nothing can be vouched for. */
  async #withoutFeed(request: CachedRequest): Promise<Served> {
    const stored = await this.#colo.get(request.key)
    const newest = this.#newer(this.#memory.get(request.key), stored)
    return this.#standIn(request, newest, this.#follower.failure)
  }

  /** An older copy in place of a tier that cannot be reached, for a reader who has not seen better. */
  #standIn(request: CachedRequest, entry: Entry | null, cause: unknown): Served {
    // What is fresh by all we know holds every change up to there, whatever its stamp was when it was last served.
    if (entry !== null) this.#positionIfFresh(entry)
    const filledAtMs = entry === null ? undefined : this.#filledAtMs.get(entry)
    const ageMs = filledAtMs === undefined ? 0 : this.#now() - filledAtMs
    const { position, staleIfErrorSeconds } = request
    const knowsBetter = entry !== null && position !== null && !reaches(entry, position)
    // Where none may stand in, not even one without an age: a clock may stand still within a request.
    const isTooOld = staleIfErrorSeconds === 0 || ageMs > staleIfErrorSeconds * 1_000
    if (entry === null || knowsBetter || isTooOld) {
      this.counters.unavailable += 1
      return { kind: 'unavailable', cause }
    }
    this.counters.staleServed += 1
    if (filledAtMs === undefined) this.#keep(request.key, entry)
    return hit(entry, { n: entry.stamp, history: entry.history }, 'stale')
  }

  #countVouched(): void {
    const { ageMs } = this.#follower
    let step = 0
    while (ageMs > VOUCHED_MS[step]!) step += 1
    if (step < VOUCHED_MS.length) this.counters.vouched[step]! += 1
  }

  #keep(key: string, entry: Entry): void {
    if (!this.#filledAtMs.has(entry)) this.#filledAtMs.set(entry, this.#now())
    this.#memory.set(key, entry)
  }

  #restampColo(request: CachedRequest, entry: Entry, waitUntil: WaitUntil): void {
    const stored = this.#coloStamps.get(entry) ?? entry.stamp
    if (entry.stamp - stored < RESTAMP_CHANGES) return
    this.#coloStamps.set(entry, entry.stamp)
    waitUntil(this.#colo.set(request.key, entry, request.staleIfErrorSeconds))
  }

  #newer(one: Entry | undefined, other: Entry | null): Entry | null {
    if (one === undefined || other === null) return one ?? other
    const known = this.#follower.knowledge.history
    if (one.history !== other.history) return other.history === known ? other : one
    return other.stamp > one.stamp ? other : one
  }
}

/** Written out: a spread would cost a hit as much as all the rest of it here. */
function hit(entry: Entry, position: Position, from: 'memory' | 'colo' | 'stale'): Served {
  return {
    kind: 'entry',
    entry,
    position,
    from,
    forward: null,
    renewed: false,
    shielded: false,
    collapsed: false,
  }
}

/** True when an answer for `minimum` also answers a reader who needs `own`. */
function covers(minimum: Position | null, own: Position | null): boolean {
  if (own === null) return true
  return minimum !== null && minimum.history === own.history && minimum.n >= own.n
}

function reaches(entry: Entry, position: Position): boolean {
  return entry.history === position.history && entry.stamp >= position.n
}
