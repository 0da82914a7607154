import { describe, expect, it } from 'vitest'
import { parseBatch } from '../../../shared/freshness/feed.ts'
import { FeedModel } from './feed-model.ts'

function feedOf(changes: number, options: { n?: number; batchMax?: number } = {}) {
  const feed = new FeedModel(options)
  for (let index = 0; index < changes; index += 1) feed.commit(`product:${index}`)
  return feed
}

const whole = () => structuredClone(feedOf(4, { n: 10 }).batchAfter(11))

describe('a batch off the wire', () => {
  it('is taken as it is when it is whole', () => {
    const batch = whole()
    expect(parseBatch(JSON.parse(JSON.stringify(batch)))).toEqual(batch)
    expect(batch.changes.map(({ n }) => n)).toEqual([12, 13, 14])
  })

  it('may be empty, and may be cut at its limit', () => {
    const empty = feedOf(2).batchAfter(2)
    expect(parseBatch(empty)).toEqual(empty)
    const cut = feedOf(5, { batchMax: 2 }).batchAfter(1)
    expect(cut).toMatchObject({ from: 1, to: 3, cut: true })
    expect(parseBatch(cut)).toEqual(cut)
  })

  it.each<[string, (batch: ReturnType<typeof whole>) => unknown]>([
    ['nothing', () => null],
    ['text', () => 'catalogue'],
    ['a list', () => []],
    ['another feed', (batch) => ({ ...batch, feed: 'prices' })],
    ['no incarnation', ({ incarnation: _, ...rest }) => rest],
    ['no history', (batch) => ({ ...batch, incarnation: { copy: 'c1' } })],
    ['no copy', (batch) => ({ ...batch, incarnation: { history: 'h1' } })],
    ['numbers as text', (batch) => ({ ...batch, to: '14' })],
    ['a negative number', (batch) => ({ ...batch, from: -1 })],
    ['a number past 2^53', (batch) => ({ ...batch, to: 2 ** 53 })],
    ['an end before its start', (batch) => ({ ...batch, from: 14, to: 11, changes: [] })],
    ['a start that is no longer kept', (batch) => ({ ...batch, retainedFrom: 12 })],
    ['a gap', (batch) => ({ ...batch, changes: batch.changes.filter(({ n }) => n !== 13) })],
    ['a change left out at the end', (batch) => ({ ...batch, changes: batch.changes.slice(0, 2) })],
    ['changes out of order', (batch) => ({ ...batch, changes: [...batch.changes].reverse() })],
    ['a change twice', ({ changes, ...rest }) => ({ ...rest, changes: [...changes, changes[2]] })],
    ['a change of null', (batch) => ({ ...batch, changes: [null, ...batch.changes.slice(1)] })],
    ['tags that are none', (batch) => ({ ...batch, changes: [12, 13, 14].map((n) => ({ n })) })],
    [
      'a tag that is no text',
      (batch) => ({ ...batch, changes: batch.changes.map(({ n }) => ({ n, tags: [n] })) }),
    ],
    ['no word on whether it is cut', ({ cut: _, ...rest }) => rest],
  ])('with %s is refused whole', (_, forge) => {
    expect(parseBatch(forge(whole()))).toBeNull()
  })
})
