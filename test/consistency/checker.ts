/**
 * Judges answers by the history of what was true. It knows no position and no stamp, only what was shown, when it was
 * asked for, and what the one who asked had seen or written before.
 */
import { FEED_STALE_MS_MAX } from '../../shared/freshness/feed.ts'
import type { Candidate, Change, History } from './history.ts'
import { StalenessSamples } from './staleness.ts'

export const VIOLATION_KINDS = ['readYourWrites', 'monotonic', 'stale', 'divergence'] as const
export type ViolationKind = (typeof VIOLATION_KINDS)[number]

/** Clocks of other processes count whole milliseconds, and stand still while a request is worked on. */
const CLOCK_SLACK_MS = 5
/** Violations kept with their context; the others are counted. */
const DETAILS_MAX = 5

/** Something that an answer says of one thing. */
export interface Fact<State> {
  readonly thing: string
  /** For those who read a violation. */
  readonly shows: string
  fits(state: State): boolean
}

/** What somebody has written or was told of, or has seen: they may never be shown anything before it. */
interface Bounds {
  readonly indexes: Map<string, number>
  /** All of it was true no earlier than this moment, so what was over by then is known to be over. */
  momentMs: number
}

/** What one reader knows. */
export class Reader {
  readonly written: Bounds = newBounds()
  readonly seen: Bounds = newBounds()

  /** They made this change, or were given a position that covers it. */
  learn({ indexes, sentMs }: Change): void {
    for (const [thing, index] of indexes) raise(this.written, thing, index)
    this.written.momentMs = Math.max(this.written.momentMs, sentMs)
  }
}

export interface Read<State> {
  /** All that the answer says; it was true at one moment. */
  readonly facts: readonly Fact<State>[]
  readonly beganMs: number
  readonly endedMs: number
  /** `null` for a reader without a position, who is promised the bounded age alone. */
  readonly reader: Reader | null
  /** The answer says itself that the cell is away: it may be older than the bound, never older than its reader. */
  readonly isStandIn: boolean
  /** Printed with a violation. */
  readonly context: Readonly<Record<string, unknown>>
}

export interface Violation {
  readonly kind: ViolationKind
  readonly what: string
  readonly context: Readonly<Record<string, unknown>>
}

export class Checker<State> {
  readonly history: History<State>
  readonly staleness = new StalenessSamples()
  readonly counts: Record<ViolationKind, number> = {
    readYourWrites: 0,
    monotonic: 0,
    stale: 0,
    divergence: 0,
  }
  readonly violations: Violation[] = []
  checked = 0

  constructor(history: History<State>) {
    this.history = history
  }

  get isClean(): boolean {
    return VIOLATION_KINDS.every((kind) => this.counts[kind] === 0)
  }

  /** Judges one answer, and lets its reader know what it showed. */
  check(read: Read<State>): void {
    this.checked += 1
    const possible = this.#possible(read)
    if (possible === null) return
    if (read.reader !== null) this.#checkReader(read.reader, read, possible)
  }

  /** What of the history each fact can be; `null` when that alone says that the answer is wrong. */
  #possible(read: Read<State>): Candidate[][] | null {
    const { reader, isStandIn, beganMs } = read
    const oldestMs = beganMs - FEED_STALE_MS_MAX - CLOCK_SLACK_MS
    const sinceMs = isStandIn ? Number.NEGATIVE_INFINITY : oldestMs
    const possible = read.facts.map(({ thing, fits }) =>
      this.history.candidates(thing, fits, { sinceMs, byMs: read.endedMs }),
    )
    const never = possible.findIndex((candidates) => candidates.length === 0)
    const moments = commonMoments(possible)
    if (never !== -1 || moments.length === 0) {
      const text = never === -1 ? 'was never true as a whole' : 'was never true'
      this.#report('stale', text, read, never)
      return null
    }
    const overMs = Math.max(...moments.map(({ untilMs }) => untilMs))
    if (!isStandIn && overMs < oldestMs) {
      const fact = possible.findIndex((each) => each.every(({ untilMs }) => untilMs <= overMs))
      this.#report('stale', `had been over for ${Math.round(beganMs - overMs)} ms`, read, fact)
    }
    if (reader === null && !isStandIn) this.staleness.add(Math.max(0, beganMs - overMs))
    return possible
  }

  /** After everything has come to rest: each fact must be the newest truth. */
  checkSettled(facts: readonly Fact<State>[], context: Violation['context']): void {
    this.checked += 1
    for (const { thing, shows, fits } of facts) {
      const newest = this.history.newest(thing)
      if (fits(newest)) continue
      const what = `${thing} still shows ${shows} in place of ${JSON.stringify(newest)}`
      this.record({ kind: 'divergence', what, context })
    }
  }

  record(violation: Violation): void {
    this.counts[violation.kind] += 1
    if (this.violations.length < DETAILS_MAX) this.violations.push(violation)
  }

  #checkReader(reader: Reader, read: Read<State>, possible: Candidate[][]): void {
    const { written, seen } = reader
    const sinceWritten = possible.map((each, fact) => notBefore(each, written, thingOf(read, fact)))
    const sinceSeen = sinceWritten.map((each, fact) => notBefore(each, seen, thingOf(read, fact)))
    const behindOwn = sinceWritten.findIndex((candidates) => candidates.length === 0)
    const behindSeen = sinceSeen.findIndex((candidates) => candidates.length === 0)
    const moments = commonMoments(sinceSeen)
    if (behindOwn !== -1) {
      this.#report('readYourWrites', 'is older than a change they knew of', read, behindOwn)
    } else if (behindSeen !== -1) {
      this.#report('monotonic', 'is older than what they had seen', read, behindSeen)
    } else if (moments.length === 0) {
      this.#report('monotonic', 'mixes what they had seen with what was before it', read, -1)
    } else {
      const earliestMs = Math.min(...moments.map(({ fromMs }) => fromMs))
      seen.momentMs = Math.max(seen.momentMs, earliestMs)
      for (const [fact, candidates] of sinceSeen.entries()) {
        raise(seen, thingOf(read, fact), Math.min(...candidates.map(({ index }) => index)))
      }
    }
  }

  /** @param at the fact at fault; -1 when it is none alone. */
  #report(kind: ViolationKind, text: string, read: Read<State>, at: number): void {
    const { facts, beganMs, endedMs, reader, context } = read
    const told = at === -1 ? facts : [facts[at]!]
    const shown = told.map(({ thing, shows }) => `${thing} as ${shows}`).join(', ')
    const { thing } = told[0]!
    const known = {
      newest: this.history.newest(thing),
      newestIndex: this.history.newestIndex(thing),
      shownIndexes: this.history
        .candidates(thing, told[0]!.fits, { sinceMs: Number.NEGATIVE_INFINITY, byMs: endedMs })
        .map(({ index, untilMs }) => `${index} until ${Math.round(untilMs)}`),
      writtenIndex: reader?.written.indexes.get(thing),
      writtenMs: reader && Math.round(reader.written.momentMs),
      seenIndex: reader?.seen.indexes.get(thing),
      seenMs: reader && Math.round(reader.seen.momentMs),
    }
    const times = { beganMs: Math.round(beganMs), endedMs: Math.round(endedMs) }
    this.record({ kind, what: `${shown} ${text}`, context: { ...context, ...times, ...known } })
  }
}

function thingOf<State>({ facts }: Read<State>, at: number): string {
  return facts[at]!.thing
}

function newBounds(): Bounds {
  return { indexes: new Map(), momentMs: Number.NEGATIVE_INFINITY }
}

function raise({ indexes }: Bounds, thing: string, index: number): void {
  indexes.set(thing, Math.max(indexes.get(thing) ?? 0, index))
}

function notBefore(candidates: readonly Candidate[], bounds: Bounds, thing: string): Candidate[] {
  const least = bounds.indexes.get(thing) ?? 0
  return candidates.filter(({ index, untilMs }) => index >= least && untilMs > bounds.momentMs)
}

type Moments = Pick<Candidate, 'fromMs' | 'untilMs'>

/** When all of the facts can have been true at once. */
function commonMoments(possible: readonly (readonly Moments[])[]): Moments[] {
  let common: Moments[] = [{ fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY }]
  for (const candidates of possible) {
    const stretches = joined(candidates)
    common = common.flatMap((moment) =>
      stretches.flatMap(({ fromMs, untilMs }) => {
        const from = Math.max(moment.fromMs, fromMs)
        const until = Math.min(moment.untilMs, untilMs)
        return from < until ? [{ fromMs: from, untilMs: until }] : []
      }),
    )
  }
  return common
}

/** The same moments without overlaps, which would multiply with every fact. Candidates come newest first. */
function joined(candidates: readonly Moments[]): Moments[] {
  const stretches: Moments[] = []
  for (const { fromMs, untilMs } of candidates) {
    const later = stretches.at(-1)
    if (later === undefined || untilMs < later.fromMs) stretches.push({ fromMs, untilMs })
    else stretches[stretches.length - 1] = { fromMs, untilMs: later.untilMs }
  }
  return stretches
}
