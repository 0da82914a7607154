/** The feed: gapless numbers in commit order, batches that say what they cover, and a history that is renewed. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Tx } from '../../../regional/platform/database.ts'
import {
  batchAfter,
  currentStamp,
  FEED_RETAINED_CHANGES,
  pruneFeed,
  renewHistory,
} from '../../../regional/platform/feed.ts'
import type { Services } from '../../../regional/platform/implement.ts'
import { FEED_TAGS_MAX, parseBatch } from '../../../shared/freshness/feed.ts'
import { HEADERS } from '../../../shared/headers.ts'
import { startTestCell } from '../../support/cell.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { testServices } from '../../support/services.ts'

let url: string
let services: Services

beforeAll(async () => {
  url = await cloneDatabase()
  services = testServices(url)
})
afterAll(() => services.close())
beforeEach(async () => {
  await queryRows(url, 'truncate feed_change')
  await queryRows(
    url,
    'update feed_clock set n = 0, origin_started_at = pg_postmaster_start_time()',
  )
})

const tagging = (...tags: string[]) =>
  services.db.inTransaction(async (tx: Tx) => {
    tx.tag(...tags)
  })
const batch = (from: number | null, limit?: number) =>
  batchAfter(services.db, { feed: 'catalogue', from, ...(limit === undefined ? {} : { limit }) })

describe('the clock', () => {
  test('one transaction is one change, whatever it tags', async () => {
    const { position } = await tagging('product:1', 'products', 'product:1')
    expect(position).toMatchObject({ n: 1 })
    const { changes } = await batch(0)
    expect(changes).toEqual([{ n: 1, tags: ['product:1', 'products'] }])
  })

  test('a transaction that tags nothing, or rolls back, leaves the clock alone', async () => {
    const untagged = await services.db.inTransaction(async () => 'value')
    expect(untagged).toEqual({ value: 'value', position: null })
    const spilt = services.db.inTransaction(async (tx) => {
      tx.tag('product:1')
      throw new Error('spilt')
    })
    await expect(spilt).rejects.toThrow('spilt')
    expect(await currentStamp(services.db)).toMatchObject({ n: 0 })
  })

  test('too many tags become the one that stands for all', async () => {
    await tagging(...Array.from({ length: FEED_TAGS_MAX }, (_, index) => `product:${index}`))
    await tagging(...Array.from({ length: FEED_TAGS_MAX + 1 }, (_, index) => `product:${index}`))
    const { changes } = await batch(0)
    expect(changes[0]!.tags).toHaveLength(FEED_TAGS_MAX)
    expect(changes[1]!.tags).toEqual(['*'])
  })

  test('concurrent commits get numbers without a gap, in the order of their commits', async () => {
    await queryRows(
      url,
      'create table if not exists seen (n bigint, at bigint generated always as identity)',
    )
    const writers = Array.from({ length: 40 }, async (_, index) => {
      const { position } = await services.db.inTransaction(async (tx) => {
        await tx.query.execute(`select ${index}`)
        tx.tag(`product:${index}`)
      })
      // A reader that begins after this commit must see a clock that has counted it.
      const after = await currentStamp(services.db)
      expect(after.n).toBeGreaterThanOrEqual(position!.n)
      return position!.n
    })
    const numbers = (await Promise.all(writers)).sort((one, other) => one - other)
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
    expect((await batch(0)).changes.map(({ n }) => n)).toEqual(numbers)
  })

  test('no reader sees a number before the change that it counts', async () => {
    let open = 0
    const watching = (async () => {
      for (let look = 0; look < 60; look += 1) {
        const { from, to, changes } = await batch(open)
        expect(from).toBe(open)
        expect(changes.map(({ n }) => n)).toEqual(
          Array.from({ length: to - from }, (_, index) => from + 1 + index),
        )
        open = to
      }
    })()
    const writing = Array.from({ length: 60 }, (_, index) => tagging(`product:${index}`))
    await Promise.all([watching, ...writing])
  })
})

describe('a batch', () => {
  beforeEach(async () => {
    for (let index = 1; index <= 5; index += 1) await tagging(`product:${index}`)
  })

  test('holds every change after `from`, and is one a reader accepts', async () => {
    const read = await batch(2)
    expect(read).toMatchObject({ from: 2, to: 5, retainedFrom: 0, cut: false })
    expect(read.changes.map(({ n }) => n)).toEqual([3, 4, 5])
    expect(parseBatch(JSON.parse(JSON.stringify(read)))).toEqual(read)
  })

  test('is empty for a reader who knows everything', async () => {
    expect(await batch(5)).toMatchObject({ from: 5, to: 5, changes: [], cut: false })
  })

  test('that is cut says so and ends at its last change; the next one goes on from there', async () => {
    const first = await batch(0, 2)
    expect(first).toMatchObject({ from: 0, to: 2, cut: true })
    expect(await batch(first.to, 2)).toMatchObject({ from: 2, to: 4, cut: true })
    expect(await batch(4, 2)).toMatchObject({ from: 4, to: 5, cut: false })
  })

  test('without a `from` holds the newest changes', async () => {
    expect(await batch(null, 2)).toMatchObject({ from: 3, to: 5, cut: false })
  })

  test('after a `from` of the future holds the newest changes', async () => {
    expect(await batch(99, 2)).toMatchObject({ from: 3, to: 5, cut: false })
  })

  test('after a `from` that is no longer kept starts at what is, and names it', async () => {
    await queryRows(url, 'delete from feed_change where n <= 3')
    expect(await batch(1)).toMatchObject({ from: 3, to: 5, retainedFrom: 3 })
    expect(await batch(3)).toMatchObject({ from: 3, to: 5, retainedFrom: 3 })
  })

  test('of a feed without changes is empty and consistent', async () => {
    const read = await batchAfter(services.db, { feed: 'cell', from: null })
    expect(read).toMatchObject({ feed: 'cell', from: 0, to: 0, changes: [], retainedFrom: 0 })
  })
})

test('an answer repeats the question it was asked by, when that can be a question', async () => {
  const cell = await startTestCell({ url })
  const answered = async (question: string) => {
    const call = { headers: { [HEADERS.question]: question } }
    const response = await cell.call('get', '/internal/feed?feed=catalogue', call)
    expect(response.status).toBe(200)
    return response.headers.get(HEADERS.question)
  }
  expect(await answered('a-question')).toBe('a-question')
  for (const refused of ['', 'a question', 'x'.repeat(65)]) {
    expect(await answered(refused)).toBeNull()
  }
  await cell.close()
})

describe('the history', () => {
  const age = () =>
    queryRows(
      url,
      `update feed_clock set origin_started_at = origin_started_at - interval '1 hour'`,
    )

  test('stays while the same Postgres counts', async () => {
    const { history } = await currentStamp(services.db)
    await renewHistory(services.db)
    expect((await currentStamp(services.db)).history).toBe(history)
  })

  test('is another after Postgres was started again, for readers first', async () => {
    const { history } = await currentStamp(services.db)
    await age()
    const stamp = await currentStamp(services.db)
    expect(stamp.history).not.toBe(history)
    expect((await batch(null)).incarnation.history).toBe(stamp.history)
  })

  test('is another after Postgres was started again, for writers first', async () => {
    const { history } = await currentStamp(services.db)
    await age()
    const { position } = await tagging('product:1')
    expect(position!.history).not.toBe(history)
    expect((await currentStamp(services.db)).history).toBe(position!.history)
  })

  test('is renewed once, however many ask at the same time', async () => {
    await age()
    const stamps = await Promise.all(Array.from({ length: 8 }, () => currentStamp(services.db)))
    expect(new Set(stamps.map((stamp) => stamp.history)).size).toBe(1)
  })
})

test('pruning keeps the newest changes, and the feed says from where', async () => {
  await queryRows(
    url,
    `update feed_clock set n = ${FEED_RETAINED_CHANGES + 2} where feed = 'catalogue'`,
  )
  await queryRows(
    url,
    `insert into feed_change (feed, n, tags)
      select 'catalogue', n, '{}' from generate_series(1, ${FEED_RETAINED_CHANGES + 2}) n`,
  )
  await pruneFeed(services.db)
  expect(await batch(2, 1)).toMatchObject({ from: 2, to: 3, retainedFrom: 2 })
})
