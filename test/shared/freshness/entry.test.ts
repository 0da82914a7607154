import { describe, expect, it } from 'vitest'
import {
  ENTRY_FORMAT,
  type Entry,
  entryFromCell,
  fromStored,
  toStored,
} from '../../../shared/freshness/entry.ts'

const found: Entry = {
  status: 200,
  body: new TextEncoder().encode('{"name":"Kanne ☕"}'),
  contentType: 'application/json',
  etag: '"a1"',
  tags: ['product:p1', 'handle:kanne'],
  history: 'h1',
  stamp: 12,
  untilMs: Number.POSITIVE_INFINITY,
}
const unknown: Entry = { ...found, status: 404, etag: null, tags: ['handle:tasse'] }

const NOW_MS = 1_000

function stored(entry: Entry): Response {
  return toStored(entry, { seconds: 60, nowMs: NOW_MS })!
}

async function opened(kept: Response, nowMs: number): Promise<Entry | null> {
  const body = new Uint8Array(await kept.arrayBuffer())
  return fromStored({ headers: kept.headers, body }, nowMs)
}

function asked(renewed: Entry | null) {
  return { atMs: NOW_MS, renewed }
}

function withHeader(from: Response, name: string, value: string | null): Response {
  const response = new Response(from.body, from)
  if (value === null) response.headers.delete(name)
  else response.headers.set(name, value)
  return response
}

describe('a stored entry', () => {
  it.each([found, unknown])('reads back as it was, $status', async (entry) => {
    expect(await opened(stored(entry), NOW_MS)).toEqual(entry)
  })

  it('is stored under a success, for as long as it was said', () => {
    const kept = stored(unknown)
    expect(kept.status).toBe(200)
    expect(kept.headers.get('cache-control')).toBe('public, max-age=60')
  })

  it('survives a cache that drops ETags', async () => {
    const kept = withHeader(stored(found), 'etag', null)
    expect(await opened(kept, NOW_MS)).toEqual(found)
  })

  it.each<[string, string, string | null]>([
    ['another format', 'tradewind-entry', `${ENTRY_FORMAT + 1} 200 ${found.body.byteLength}`],
    ['no description', 'tradewind-entry', null],
    ['another status', 'tradewind-entry', `${ENTRY_FORMAT} 500 ${found.body.byteLength}`],
    ['a description that is none', 'tradewind-entry', 'constructor'],
    ['another length', 'tradewind-entry', `${ENTRY_FORMAT} 200 ${found.body.byteLength + 1}`],
    ['no tags', 'tradewind-tags', null],
    ['tags beyond measure', 'tradewind-tags', 'a'.repeat(20_000)],
    ['no stamp', 'tradewind-stamp', null],
    ['a stamp that is none', 'tradewind-stamp', 'catalogue=x;h=h1'],
    ['the stamp of another feed', 'tradewind-stamp', 'cell=12;h=h1'],
    ['no ETag of its own', 'tradewind-etag', null],
  ])('with %s reads as absent', async (_, name, value) => {
    expect(await opened(withHeader(stored(found), name, value), NOW_MS)).toBeNull()
  })

  it('that was cut short reads as absent', async () => {
    const kept = stored(found)
    const cut = new Response(found.body.slice(0, 5), { headers: kept.headers })
    expect(await opened(cut, NOW_MS)).toBeNull()
  })
})

describe('an answer of the cell', () => {
  const headers = {
    'content-type': 'application/json',
    etag: '"a1"',
    'tradewind-stamp': 'catalogue=12;h=h1',
    'tradewind-tags': 'product:p1 handle:kanne',
  }

  it('becomes an entry, found or unknown', async () => {
    expect(await entryFromCell(new Response(found.body, { headers }), asked(null))).toEqual(found)
    const { etag: _, ...negative } = headers
    const response = new Response('{}', { status: 404, headers: negative })
    expect(await entryFromCell(response, asked(null))).toMatchObject({
      status: 404,
      etag: null,
      stamp: 12,
    })
  })

  it('of 304 renews the entry it was asked about with the stamp and tags it brings', async () => {
    const older: Entry = { ...found, stamp: 3, tags: ['product:p1'], history: 'h0' }
    const renewed = await entryFromCell(new Response(null, { status: 304, headers }), asked(older))
    expect(renewed).toEqual(found)
    expect(older.stamp).toBe(3)
  })

  it('of 304 renews nothing that has another ETag, or none, or when nothing was asked about', async () => {
    const of = (status: number) => new Response(null, { status, headers })
    expect(await entryFromCell(of(304), asked({ ...found, etag: '"b2"' }))).toBeNull()
    expect(await entryFromCell(of(304), asked(unknown))).toBeNull()
    expect(await entryFromCell(of(304), asked(null))).toBeNull()
    const bare = { ...headers } as Record<string, string>
    delete bare.etag
    const unnamed = new Response(null, { status: 304, headers: bare })
    expect(await entryFromCell(unnamed, asked(unknown))).toBeNull()
  })

  it.each<[string, number, string]>([
    ['another status', 500, ''],
    ['a refusal', 400, ''],
    ['no stamp', 200, 'tradewind-stamp'],
    ['no tags', 200, 'tradewind-tags'],
  ])('with %s is not kept', async (_, status, without) => {
    const kept = Object.entries(headers).filter(([name]) => name !== without)
    const response = new Response('{}', { status, headers: Object.fromEntries(kept) })
    expect(await entryFromCell(response, asked(null))).toBeNull()
  })
})
