/** Records of a stream and how a reader joins them: repeated, out of order, with gaps, of other incarnations, cut, forged. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Batch, FEED_WINDOW, parseBatch } from '../../../shared/freshness/feed.ts'
import {
  type Beat,
  batchSince,
  formatRecord,
  isSafeRedisUrl,
  joinRecords,
  parseBeat,
  parseRecord,
  RECORD_CHARACTERS_MAX,
  streamKeys,
} from '../../../shared/freshness/feed-stream.ts'
import { FeedModel } from './feed-model.ts'

/** A feed of this many changes, each with a tag of its own. */
function feedOf(changes: number, n = 0): FeedModel {
  const feed = new FeedModel({ n })
  for (let index = 1; index <= changes; index += 1) feed.commit(`product:${n + index}`)
  return feed
}

/** The changes with `from < n <= to`, as a record holds them. */
function between(feed: FeedModel, from: number, to: number): Batch {
  const whole = feed.batchAfter(from)
  return { ...whole, to, changes: whole.changes.slice(0, to - from) }
}

function beatOf(feed: FeedModel, n = feed.n): Beat {
  return { relay: 'r1', incarnation: feed.incarnation, n, lookedAtMs: 1 }
}

describe('a record', () => {
  it('reads as what was written', () => {
    const batch = feedOf(5).batchAfter(2)
    expect(parseRecord(formatRecord(batch, 2))).toEqual(batch)
  })

  it('holds the newest window though less is new, and all that is new though it is more', () => {
    const batch = feedOf(FEED_WINDOW * 3).batchAfter(0)
    const reaches = (since: number) => parseRecord(formatRecord(batch, since))!.from
    expect(reaches(batch.to)).toBe(batch.to - FEED_WINDOW)
    expect(reaches(batch.to - 1)).toBe(batch.to - FEED_WINDOW)
    expect(reaches(10)).toBe(10)
  })

  it('that would be too long loses its oldest changes, and says so by its `from`', () => {
    const feed = new FeedModel()
    const tag = 't'.repeat(10_000)
    for (let index = 0; index < 100; index += 1) feed.commit(tag)
    const text = formatRecord(feed.batchAfter(0), 0)
    expect(text.length).toBeLessThanOrEqual(RECORD_CHARACTERS_MAX)
    const record = parseRecord(text)!
    expect(record).toMatchObject({ to: 100 })
    expect(record.from).toBeGreaterThan(0)
    expect(record.changes.length).toBeGreaterThan(20)
  })

  it('whose newest change alone is too long holds none', () => {
    const feed = new FeedModel()
    feed.commit('t'.repeat(RECORD_CHARACTERS_MAX))
    expect(parseRecord(formatRecord(feed.batchAfter(0), 0))).toMatchObject({ from: 1, to: 1 })
  })

  it.each([
    ['no JSON', 'batch'],
    ['nothing', 'null'],
    ['another feed’s', JSON.stringify({ ...feedOf(1).batchAfter(0), feed: 'cell' })],
    ['without its changes', JSON.stringify({ ...feedOf(2).batchAfter(0), changes: [] })],
  ])('that is %s is refused', (_, text) => {
    expect(parseRecord(text)).toBeNull()
  })
})

describe('a beat', () => {
  const beat = beatOf(feedOf(3))

  it('reads as what was written', () => {
    expect(parseBeat(JSON.stringify(beat))).toEqual(beat)
  })

  it.each([
    ['no JSON', '{'],
    ['nothing', 'null'],
    ['without its relay', JSON.stringify({ ...beat, relay: undefined })],
    ['without an incarnation', JSON.stringify({ ...beat, incarnation: null })],
    ['without a copy', JSON.stringify({ ...beat, incarnation: { history: 'h' } })],
    ['of a negative change', JSON.stringify({ ...beat, n: -1 })],
    ['of a number past 2^53', JSON.stringify({ ...beat, n: 2 ** 53 })],
    ['without its time', JSON.stringify({ ...beat, lookedAtMs: undefined })],
    ['of a number as text', JSON.stringify({ ...beat, n: '3' })],
  ])('%s is refused', (_, text) => {
    expect(parseBeat(text)).toBeNull()
  })
})

describe('a batch for who knows a part of it', () => {
  const batch = feedOf(5).batchAfter(1)

  it.each([
    [0, 1],
    [1, 1],
    [3, 3],
    [5, 5],
    [9, 5],
  ])('from %i on starts at %i and stays one that a reader accepts', (known, from) => {
    const rest = batchSince(batch, known)
    expect(rest).toMatchObject({ from, to: 5 })
    expect(parseBatch(rest)).toEqual(rest)
  })
})

describe('joining', () => {
  const feed = feedOf(10)

  it('takes the newest record alone when that is enough', () => {
    const records = [between(feed, 4, 10), between(feed, 2, 9), between(feed, 0, 4)]
    expect(joinRecords(records, beatOf(feed), 5)).toEqual({
      batch: between(feed, 4, 10),
      recordsUsed: 1,
    })
    expect(joinRecords(records, beatOf(feed), null)?.batch.from).toBe(4)
  })

  it('reaches back over records that overlap or touch', () => {
    const records = [between(feed, 7, 10), between(feed, 5, 8), between(feed, 2, 5)]
    expect(joinRecords(records, beatOf(feed), 3)).toEqual({
      batch: between(feed, 2, 10),
      recordsUsed: 3,
    })
  })

  it('is not disturbed by records that come twice or out of order', () => {
    const records = [between(feed, 2, 5), between(feed, 7, 10), between(feed, 5, 8)]
    const twice = [...records, ...records]
    expect(joinRecords(twice, beatOf(feed), 2)?.batch).toEqual(between(feed, 2, 10))
  })

  it('gives nothing over a gap before what the reader knows', () => {
    const records = [between(feed, 7, 10), between(feed, 2, 6)]
    expect(joinRecords(records, beatOf(feed), 6)).toBeNull()
    expect(joinRecords(records, beatOf(feed), 7)?.batch.from).toBe(7)
  })

  it('gives nothing that ends before the beat', () => {
    expect(joinRecords([between(feed, 2, 9)], beatOf(feed), 5)).toBeNull()
    expect(joinRecords([], beatOf(feed, 0), null)).toBeNull()
  })

  it('gives nothing to a reader who knows more than is there', () => {
    expect(joinRecords([between(feed, 2, 9)], beatOf(feed, 9), 10)).toBeNull()
  })

  it('gives what is newer than the beat too', () => {
    expect(joinRecords([between(feed, 2, 10)], beatOf(feed, 8), 5)?.batch.to).toBe(10)
  })

  it('passes over records of another history or copy', () => {
    const renewed = feedOf(12)
    renewed.incarnation = { history: 'h2', copy: 'c1' }
    const copied = feedOf(12)
    copied.incarnation = { history: 'h1', copy: 'c2' }
    const strange = [between(renewed, 0, 12), between(copied, 0, 12)]
    const joined = joinRecords([...strange, between(feed, 2, 10)], beatOf(feed), 5)
    expect(joined).toEqual({ batch: between(feed, 2, 10), recordsUsed: 1 })
    expect(joinRecords(strange, beatOf(feed), 5)).toBeNull()
    expect(joinRecords([between(feed, 2, 10), ...strange], beatOf(renewed), 5)?.batch.to).toBe(12)
  })

  it('is whole, though its records were cut or pruned at different times', () => {
    const newest = { ...between(feed, 7, 10), retainedFrom: 6 }
    const older = { ...between(feed, 2, 7), cut: true }
    const joined = joinRecords([newest, older], beatOf(feed), 3)!.batch
    expect(joined).toMatchObject({ from: 2, to: 10, cut: false, retainedFrom: 2 })
    expect(parseBatch(joined)).toEqual(joined)
  })

  it('gives exactly the changes of the feed, or nothing, whatever records there are', () => {
    const n = 30
    const long = feedOf(n)
    const record = fc
      .tuple(fc.nat(n), fc.nat(n))
      .map(([one, other]) => between(long, Math.min(one, other), Math.max(one, other)))
    const strange = record.map((batch) => ({
      ...batch,
      incarnation: { history: 'h9', copy: 'c1' },
      changes: batch.changes.map((change) => ({ ...change, tags: ['forged'] })),
    }))
    const stream = fc.array(fc.oneof({ weight: 4, arbitrary: record }, strange), { maxLength: 12 })
    fc.assert(
      fc.property(stream, fc.nat(n), fc.option(fc.nat(n)), (records, beatN, known) => {
        const joined = joinRecords(records, beatOf(long, beatN), known)?.batch
        const ours = records.filter(({ incarnation }) => incarnation.history === 'h1')
        const newest = Math.max(-1, ...ours.map(({ to }) => to))
        const isCovered = (change: number) =>
          ours.some(({ from, to }) => from < change && change <= to)
        // A reader who knows everything up to the newest record needs no change, only that record.
        const needed = known === null ? [] : range(known, newest)
        const isPossible =
          newest >= Math.max(beatN, known ?? 0) && needed.every((change) => isCovered(change))
        expect(joined !== undefined).toBe(isPossible)
        if (joined === undefined) return
        expect(joined).toEqual(between(long, joined.from, newest))
        expect(joined.from).toBeLessThanOrEqual(known ?? n)
      }),
      { numRuns: 2_000 },
    )
  })
})

/** The whole numbers above `from`, up to `to`. */
function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + 1 + index)
}

describe('where a feed lies in Redis', () => {
  it('is another place for each cell', () => {
    expect(streamKeys('eu')).not.toEqual(streamKeys('us'))
    expect(streamKeys('eu').beat).not.toBe(streamKeys('eu').changes)
  })

  it.each([
    ['https://eu1-cat.upstash.io', true],
    ['http://127.0.0.1:8079', true],
    ['http://localhost:8079', true],
    ['http://eu1-cat.upstash.io', false],
    ['http://127.0.0.1.example.com', false],
    ['redis://127.0.0.1:6379', false],
    ['eu1-cat.upstash.io', false],
  ])('%s may be told the token: %s', (url, isSafe) => {
    expect(isSafeRedisUrl(url)).toBe(isSafe)
  })
})
