import { describe, expect, it } from 'vitest'
import { AnswerHeaders, isNotModified } from '../../edge/cache/answer.ts'
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

const OWN = { requestId: 'r1', tookMs: 0 }

function headersOf(overrides: Partial<ServedEntry> = {}): Record<string, string> {
  return Object.fromEntries(new AnswerHeaders('eu').of(served(overrides), OWN))
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
    expect(headersOf()).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-cache',
      etag: '"a1"',
      'tradewind-position': 'catalogue=9;h=h1',
      'tradewind-cell': 'eu',
      'tradewind-request-id': 'r1',
    })
  })

  it('never carry what is between edge and cell', () => {
    const names = Object.keys(headersOf())
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
    expect(headersOf(overrides)['cache-status']).toBe(expected)
  })

  it('of each answer are its own, whatever the one before it was', () => {
    const answers = new AnswerHeaders('eu')
    const negative: Entry = { ...entry, status: 404, contentType: 'text/plain', etag: null }
    const others: Partial<ServedEntry>[] = [
      {},
      { position: { n: 11, history: 'h2' } },
      { entry: negative, from: 'colo' },
      {},
      { entry: { ...entry, etag: '"b2"' } },
    ]
    for (const [index, overrides] of others.entries()) {
      const own = { requestId: `r${index}`, tookMs: index % 2 }
      const alone = new AnswerHeaders('eu').of(served(overrides), own)
      expect([...answers.of(served(overrides), own)]).toEqual([...alone])
    }
  })

  it('stay with a response though another is made after it', () => {
    const answers = new AnswerHeaders('eu')
    const first = new Response(null, { headers: answers.of(served(), OWN) })
    answers.of(served(), { requestId: 'r2', tookMs: 1 })
    expect(first.headers.get('tradewind-request-id')).toBe('r1')
  })
})
