/** The checker finds each kind of violation in histories made by hand, and none where there is none. */
import { describe, expect, it } from 'vitest'
import { FEED_STALE_MS_MAX } from '../../shared/freshness/feed.ts'
import { Checker, type Fact, Reader, VIOLATION_KINDS } from './checker.ts'
import { History } from './history.ts'

/** Two things, `a` and `b`, whose states are numbers; writes are answered 10 ms after they are sent. */
class Story {
  readonly history = new History<number>()
  readonly checker = new Checker(this.history)

  constructor() {
    this.history.open('a', 0)
    this.history.open('b', 0)
  }

  write(thing: string, state: number, sentMs: number, ackedMs = sentMs + 10) {
    const change = this.history.begin(new Map([[thing, state]]), sentMs)
    if (Number.isFinite(ackedMs)) this.history.acknowledge(change, ackedMs)
    return change
  }

  read(beganMs: number, shown: Record<string, number>, how: Partial<ReadHow> = {}) {
    const { reader = null, isStandIn = false, tookMs = 5 } = how
    const facts = Object.entries(shown).map(([thing, state]) => factOf(thing, state))
    this.checker.check({
      facts,
      beganMs,
      endedMs: beganMs + tookMs,
      reader,
      isStandIn,
      context: {},
    })
    return this.found()
  }

  /** Kinds of violations so far, once for each. */
  found() {
    return VIOLATION_KINDS.flatMap((kind) => Array(this.checker.counts[kind]).fill(kind))
  }
}

interface ReadHow {
  reader: Reader | null
  isStandIn: boolean
  tookMs: number
}

function factOf(thing: string, state: number): Fact<number> {
  return { thing, shows: String(state), fits: (candidate) => candidate === state }
}

/** A read that only says what a thing is not, as a 404 does. */
function notFact(thing: string, state: number): Fact<number> {
  return { thing, shows: `not ${state}`, fits: (candidate) => candidate !== state }
}

describe('without a position', () => {
  it('what was over for less than the bound is stale, and wrong for longer', () => {
    const story = new Story()
    story.write('a', 1, 1_000, 1_010)
    const boundMs = 1_010 + FEED_STALE_MS_MAX
    expect(story.read(boundMs - 1, { a: 0 })).toEqual([])
    expect(story.read(boundMs + 50, { a: 1 })).toEqual([])
    expect(story.read(boundMs + 50, { a: 0 })).toEqual(['stale'])
  })

  it('the age counts from the answer to the write, not from its sending', () => {
    const story = new Story()
    story.write('a', 1, 1_000, 3_000)
    expect(story.read(3_000 + FEED_STALE_MS_MAX - 1, { a: 0 })).toEqual([])
    expect(story.checker.staleness.summary.maxMs).toBe(FEED_STALE_MS_MAX - 1)
  })

  it('a write that is not answered may have happened or not', () => {
    const story = new Story()
    story.write('a', 1, 1_000, Number.POSITIVE_INFINITY)
    expect(story.read(50_000, { a: 0 })).toEqual([])
    expect(story.read(50_000, { a: 1 })).toEqual([])
  })

  it('what nobody wrote, or had not been sent yet, is wrong', () => {
    const story = new Story()
    expect(story.read(1_000, { a: 7 })).toEqual(['stale'])
    story.write('a', 1, 2_000)
    expect(story.read(1_500, { a: 1 })).toEqual(['stale', 'stale'])
  })

  it('an answer whose parts were never true together is wrong', () => {
    const story = new Story()
    story.write('a', 1, 1_000)
    story.write('b', 1, 1_100)
    expect(story.read(1_200, { a: 1, b: 0 })).toEqual([])
    expect(story.read(1_200, { a: 0, b: 1 })).toEqual(['stale'])
  })

  it('parts that may have been true together during a write are right', () => {
    const story = new Story()
    story.write('a', 1, 1_000, 1_100)
    story.write('b', 1, 1_050, 1_060)
    expect(story.read(1_200, { a: 0, b: 1 })).toEqual([])
  })

  it('a stand-in for a cell that is away may be of any age, but not made up', () => {
    const story = new Story()
    story.write('a', 1, 1_000)
    expect(story.read(90_000, { a: 0 }, { isStandIn: true })).toEqual([])
    expect(story.read(90_000, { a: 7 }, { isStandIn: true })).toEqual(['stale'])
    expect(story.checker.staleness.count).toBe(0)
  })

  it('a state that came back is judged by its newest time', () => {
    const story = new Story()
    story.write('a', 1, 1_000)
    story.write('a', 0, 5_000)
    expect(story.read(60_000, { a: 0 })).toEqual([])
    expect(story.read(60_000, { a: 1 })).toEqual(['stale'])
  })
})

describe('a reader with a position', () => {
  it('must see what they wrote or were told of, however young the write', () => {
    const story = new Story()
    const reader = new Reader()
    reader.learn(story.write('a', 1, 1_000))
    expect(story.read(1_011, { a: 1 }, { reader })).toEqual([])
    expect(story.read(1_011, { a: 0 }, { reader })).toEqual(['readYourWrites'])
    expect(story.read(1_011, { a: 0 }, { reader: new Reader() })).toEqual(['readYourWrites'])
  })

  it('may see something newer than what they wrote', () => {
    const story = new Story()
    const reader = new Reader()
    reader.learn(story.write('a', 1, 1_000))
    story.write('a', 2, 1_005, 1_020)
    expect(story.read(1_030, { a: 2 }, { reader })).toEqual([])
  })

  it('is never shown other things as they had ceased to be before they wrote', () => {
    const story = new Story()
    const reader = new Reader()
    story.write('b', 1, 900)
    reader.learn(story.write('a', 1, 1_000))
    expect(story.read(1_020, { b: 1 }, { reader })).toEqual([])
    expect(story.read(1_020, { b: 0 }, { reader })).toEqual(['readYourWrites'])
  })

  it('never sees a thing go back, not even within the bound', () => {
    const story = new Story()
    const reader = new Reader()
    story.write('a', 1, 1_000, 1_100)
    expect(story.read(1_020, { a: 1 }, { reader })).toEqual([])
    expect(story.read(1_030, { a: 0 })).toEqual([])
    expect(story.read(1_030, { a: 0 }, { reader })).toEqual(['monotonic'])
  })

  it('never sees other things from before what they saw', () => {
    const story = new Story()
    const reader = new Reader()
    story.write('b', 1, 900)
    story.write('a', 1, 1_000)
    expect(story.read(1_020, { a: 1 }, { reader })).toEqual([])
    expect(story.read(1_030, { b: 0 })).toEqual([])
    expect(story.read(1_030, { b: 0 }, { reader })).toEqual(['monotonic'])
  })

  it('is not bound by what cannot be told apart from something earlier', () => {
    const story = new Story()
    const reader = new Reader()
    story.write('a', 1, 1_000)
    story.write('a', 0, 1_100)
    expect(story.read(1_120, { a: 0 }, { reader })).toEqual([])
    expect(story.read(1_130, { a: 1 }, { reader })).toEqual([])
    expect(story.read(1_140, { a: 0 }, { reader })).toEqual([])
    expect(story.read(1_150, { a: 1 }, { reader })).toEqual(['monotonic'])
  })

  it('is shown no stand-in that is older than their position', () => {
    const story = new Story()
    const reader = new Reader()
    reader.learn(story.write('a', 1, 1_000))
    const told = { reader, isStandIn: true }
    expect(story.read(60_000, { a: 0 }, told)).toEqual(['readYourWrites'])
  })

  it('is held to the last of what a 404 can mean, not to the first', () => {
    const story = new Story()
    const reader = new Reader()
    reader.learn(story.write('a', 1, 1_000))
    story.write('a', 2, 1_100)
    const read = { beganMs: 1_200, endedMs: 1_205, reader, isStandIn: false, context: {} }
    story.checker.check({ ...read, facts: [notFact('a', 1)] })
    expect(story.found()).toEqual([])
    story.checker.check({ ...read, facts: [notFact('a', 2)] })
    expect(story.found()).toEqual(['monotonic'])
  })
})

describe('when everything has come to rest', () => {
  it('each thing must be shown as it is now', () => {
    const story = new Story()
    story.write('a', 1, 1_000)
    story.checker.checkSettled([factOf('a', 1), factOf('b', 0)], {})
    expect(story.found()).toEqual([])
    story.checker.checkSettled([factOf('a', 0), factOf('b', 0)], {})
    expect(story.found()).toEqual(['divergence'])
  })
})

it('a violation says what was shown, what was known, and when', () => {
  const story = new Story()
  const reader = new Reader()
  reader.learn(story.write('a', 1, 1_000))
  story.read(1_100, { a: 0 }, { reader })
  const [violation] = story.checker.violations
  expect(violation).toMatchObject({
    kind: 'readYourWrites',
    what: expect.stringContaining('a as 0'),
  })
  expect(violation!.context).toMatchObject({ beganMs: 1_100, newest: 1, writtenIndex: 1 })
})
