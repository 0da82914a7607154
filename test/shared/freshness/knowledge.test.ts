import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Judged, Knowledge } from '../../../shared/freshness/knowledge.ts'
import { FeedModel } from './feed-model.ts'

let feed: FeedModel
let knowledge: Knowledge

/** A feed at 100, of which the reader knows the changes after 100. */
beforeEach(() => {
  feed = new FeedModel({ n: 100 })
  knowledge = new Knowledge()
  knowledge.apply(feed.batchAfter(null))
})

function entry(stamp: number, ...tags: string[]): Judged {
  return { stamp, tags, history: 'h1' }
}

function learn(...tags: string[]): number {
  feed.commit(...tags)
  expect(knowledge.apply(feed.batchAfter(knowledge.n))).toBe('applied')
  return feed.n
}

describe('an entry', () => {
  it('is fresh while no known change of its tags is newer than its stamp', () => {
    const at = learn('product:a')
    expect(knowledge.isFresh(entry(at, 'product:a'))).toBe(true)
    expect(knowledge.isFresh(entry(at - 1, 'product:a'))).toBe(false)
    expect(knowledge.isFresh(entry(at - 1, 'product:b'))).toBe(true)
  })

  it('with several tags is stale as soon as one of them changed', () => {
    const at = learn('product:b')
    expect(knowledge.isFresh(entry(at - 1, 'product:a', 'product:b', 'product:c'))).toBe(false)
  })

  it('is stale after a change of everything, whatever its tags', () => {
    const at = learn('*')
    expect(knowledge.isFresh(entry(at - 1, 'product:a'))).toBe(false)
    expect(knowledge.isFresh(entry(at, 'product:a'))).toBe(true)
  })

  it('older than what the reader knows every change since is never fresh', () => {
    expect(knowledge.floor).toBe(100)
    expect(knowledge.isFresh(entry(100, 'product:a'))).toBe(true)
    expect(knowledge.isFresh(entry(99, 'product:a'))).toBe(false)
  })

  it('newer than the reader’s knowledge may be served', () => {
    expect(knowledge.isFresh(entry(150, 'product:a'))).toBe(true)
  })

  it('of another history is never fresh', () => {
    expect(knowledge.isFresh({ ...entry(100, 'product:a'), history: 'h2' })).toBe(false)
    expect(new Knowledge().isFresh(entry(100, 'product:a'))).toBe(false)
  })
})

describe('a batch', () => {
  it('that overlaps what is known changes nothing that is known', () => {
    learn('product:a')
    learn('product:b')
    const { version, n } = knowledge
    expect(knowledge.apply(feed.batchAfter(100))).toBe('applied')
    expect(knowledge).toMatchObject({ version, n })
  })

  it('that is older than what is known takes nothing back', () => {
    const old = feed.batchAfter(100)
    const at = learn('product:a')
    expect(knowledge.apply(old)).toBe('applied')
    expect(knowledge.n).toBe(at)
    expect(knowledge.isFresh(entry(at - 1, 'product:a'))).toBe(false)
  })

  it('after a gap is refused and changes nothing', () => {
    feed.commit('product:a')
    feed.commit('product:b')
    const { version } = knowledge
    expect(knowledge.apply(feed.batchAfter(101))).toBe('gap')
    expect(knowledge).toMatchObject({ n: 100, floor: 100, version })
  })

  it('of another history or another copy is refused and changes nothing', () => {
    for (const incarnation of [
      { history: 'h2', copy: 'c1' },
      { history: 'h1', copy: 'c2' },
    ]) {
      expect(knowledge.apply({ ...feed.batchAfter(100), incarnation })).toBe('foreign')
      expect(knowledge).toMatchObject({ n: 100, floor: 100, history: 'h1' })
    }
  })
})

describe('forgetting everything', () => {
  it('begins again with the batch: its start is the floor', () => {
    learn('product:a')
    feed.restart('h2')
    feed.commit('product:b')
    knowledge.reset(feed.batchAfter(101))
    expect(knowledge).toMatchObject({ n: 102, floor: 101, history: 'h2' })
    expect(knowledge.isFresh({ ...entry(101, 'product:a'), history: 'h2' })).toBe(true)
    expect(knowledge.isFresh({ ...entry(101, 'product:b'), history: 'h2' })).toBe(false)
    expect(knowledge.isFresh({ ...entry(100, 'product:a'), history: 'h2' })).toBe(false)
  })

  it('goes back in number when the feed did', () => {
    for (let index = 0; index < 5; index += 1) learn('product:a')
    feed.restart('h2', 3)
    knowledge.reset(feed.batchAfter(105))
    expect(knowledge).toMatchObject({ n: 102, history: 'h2' })
    const restored = { ...entry(102, 'product:a'), history: 'h2' }
    expect(knowledge.isFresh(restored)).toBe(true)
    expect(knowledge.positionOf(restored).n).toBe(102)
  })
})

describe('a position', () => {
  it('is covered when every change up to it is known', () => {
    expect(knowledge.covers({ n: 100, history: 'h1' })).toBe(true)
    expect(knowledge.covers({ n: 101, history: 'h1' })).toBe(false)
    expect(new Knowledge().covers({ n: 0, history: 'h1' })).toBe(false)
  })

  it('of a history that this reader saw end is covered, and of one it never saw is not', () => {
    feed.restart('h2')
    knowledge.reset(feed.batchAfter(100))
    expect(knowledge.covers({ n: 9_000, history: 'h1' })).toBe(true)
    expect(knowledge.covers({ n: 1, history: 'h0' })).toBe(false)
    expect(knowledge.covers({ n: 101, history: 'h2' })).toBe(false)
  })
})

describe('dropping a tag', () => {
  it('raises the floor to its last change, so that nothing stale becomes fresh', () => {
    knowledge = new Knowledge(2)
    knowledge.apply(feed.batchAfter(null))
    const first = learn('product:a')
    learn('product:b')
    learn('product:c')
    expect(knowledge.floor).toBe(first)
    expect(knowledge.isFresh(entry(first - 1, 'product:a'))).toBe(false)
    expect(knowledge.isFresh(entry(first, 'product:a'))).toBe(true)
  })

  it('takes the one unchanged longest', () => {
    knowledge = new Knowledge(2)
    knowledge.apply(feed.batchAfter(null))
    learn('product:a')
    const second = learn('product:b')
    learn('product:a')
    learn('product:c')
    expect(knowledge.floor).toBe(second)
  })

  it('that means everything keeps what it made stale stale', () => {
    knowledge = new Knowledge(1)
    knowledge.apply(feed.batchAfter(null))
    const at = learn('*')
    learn('product:a')
    expect(knowledge.isFresh(entry(at - 1, 'product:z'))).toBe(false)
  })

  it('never makes an entry fresh that a reader who drops nothing finds stale', () => {
    const tag = fc.constantFrom('*', 'a', 'b', 'c', 'd', 'e', 'f')
    const changes = fc.array(fc.uniqueArray(tag, { minLength: 1 }), { maxLength: 30 })
    const polls = fc.array(fc.boolean(), { minLength: 30, maxLength: 30 })
    fc.assert(
      fc.property(changes, polls, fc.integer({ min: 1, max: 4 }), (tagged, polled, tagsMax) => {
        const model = new FeedModel()
        const small = new Knowledge(tagsMax)
        const large = new Knowledge()
        for (const reader of [small, large]) reader.apply(model.batchAfter(null))
        tagged.forEach((tags, index) => {
          model.commit(...tags)
          if (!polled[index]) return
          for (const reader of [small, large]) reader.apply(model.batchAfter(reader.n))
        })
        for (let stamp = 0; stamp <= model.n; stamp += 1) {
          for (const each of ['a', 'b', 'c', 'd', 'e', 'f']) {
            const judged = entry(stamp, each)
            if (small.isFresh(judged)) expect(large.isFresh(judged)).toBe(true)
          }
        }
      }),
    )
  })
})

describe('the position of an answer', () => {
  it('is its stamp while knowledge has not reached it', () => {
    expect(knowledge.positionOf(entry(150, 'product:a'))).toEqual({ n: 150, history: 'h1' })
  })

  it('is the newest change among its tags once knowledge has', () => {
    const at = learn('product:a')
    learn('product:b')
    learn('product:c')
    expect(knowledge.positionOf(entry(knowledge.n, 'product:a'))).toEqual({ n: at, history: 'h1' })
  })

  it('is the floor at least for a tag whose last change is not known', () => {
    const at = learn('product:a')
    expect(knowledge.positionOf(entry(at, 'product:b')).n).toBe(100)
    expect(knowledge.positionOf(entry(at, 'product:a', 'product:b')).n).toBe(at)
  })

  it('counts a change of everything', () => {
    const at = learn('*')
    learn('product:b')
    expect(knowledge.positionOf(entry(knowledge.n, 'product:a')).n).toBe(at)
  })

  it('of an entry of another history is its stamp in that history', () => {
    const foreign = { ...entry(7, 'product:a'), history: 'h0' }
    expect(knowledge.positionOf(foreign)).toEqual({ n: 7, history: 'h0' })
  })
})

it('a remembered judgement is void after anything that could change it', () => {
  const versions = [knowledge.version]
  learn('product:a')
  versions.push(knowledge.version)
  knowledge.reset(feed.batchAfter(101))
  versions.push(knowledge.version)
  expect(new Set(versions).size).toBe(3)
})
