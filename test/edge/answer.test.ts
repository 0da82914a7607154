import { describe, expect, it } from 'vitest'
import { answerHeaders, isNotModified } from '../../edge/cache/answer.ts'
import type { Served } from '../../shared/freshness/cached-reads.ts'
import type { Entry } from '../../shared/freshness/entry.ts'

const entry: Entry = {
  status: 200,
  body: new TextEncoder().encode('{}'),
  contentType: 'application/json',
  etag: '"a1"',
  tags: ['product:p1'],
  history: 'h1',
  untilMs: Number.POSITIVE_INFINITY,
  stamp: 12,
}

type ServedEntry = Extract<Served, { kind: 'entry' }>

function served(overrides: Partial<ServedEntry> = {}): ServedEntry {
  return {
    kind: 'entry',
    entry,
    position: { n: 9, history: 'h1' },
    from: 'memory',
    forward: null,
    renewed: false,
    shielded: false,
    collapsed: false,
    ...overrides,
  }
}

describe('a conditional request', () => {
  it.each([
    ['"a1"', true],
    ['W/"a1"', true],
    ['"b2", "a1"', true],
    ['"b2" , W/"a1"', true],
    ['*', true],
    ['"b2"', false],
    ['a1', false],
    ['', false],
    [null, false],
  ])('of %j is answered 304: %s', (ifNoneMatch, expected) => {
    expect(isNotModified(entry, ifNoneMatch)).toBe(expected)
  })

  it('of something unknown is never answered 304', () => {
    const negative: Entry = { ...entry, status: 404, etag: null }
    for (const value of ['*', 'null', '""', null])
      expect(isNotModified(negative, value)).toBe(false)
  })
})

describe('the headers of an answer', () => {
  it('carry validator, position and cell, and let nobody reuse it without asking', () => {
    expect(answerHeaders(served(), 'eu')).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-cache',
      etag: '"a1"',
      'tradewind-position': 'catalogue=9;h=h1',
      'tradewind-cell': 'eu',
    })
  })

  it('never carry what is between edge and cell', () => {
    const names = Object.keys(answerHeaders(served(), 'eu'))
    expect(names).not.toContain('tradewind-tags')
    expect(names).not.toContain('tradewind-stamp')
  })

  it.each<[Partial<ServedEntry>, string]>([
    [{ from: 'memory' }, 'tradewind; hit; detail=memory'],
    [{ from: 'colo' }, 'tradewind; hit; detail=colo'],
    [{ from: 'stale' }, 'tradewind; hit; fwd=stale'],
    [{ from: 'origin', forward: 'miss' }, 'tradewind; fwd=miss; stored'],
    [
      { from: 'origin', forward: 'miss', shielded: true },
      'tradewind; fwd=miss; stored; detail=shield',
    ],
    [
      { from: 'origin', forward: 'miss', collapsed: true },
      'tradewind; fwd=miss; stored; collapsed',
    ],
    [
      { from: 'origin', forward: 'stale', renewed: true },
      'tradewind; fwd=stale; fwd-status=304; stored',
    ],
  ])('say where %j came from', (overrides, expected) => {
    expect(answerHeaders(served(overrides), 'eu')['cache-status']).toBe(expected)
  })

  it('follow the position from answer to answer', () => {
    const later = served({ position: { n: 11, history: 'h2' } })
    expect(answerHeaders(served(), 'eu')['tradewind-position']).toBe('catalogue=9;h=h1')
    expect(answerHeaders(later, 'eu')['tradewind-position']).toBe('catalogue=11;h=h2')
  })

  it('of one answer are not shared with another', () => {
    const headers = answerHeaders(served(), 'eu')
    headers['x-added'] = 'later'
    expect(answerHeaders(served(), 'eu')).not.toHaveProperty('x-added')
  })
})
