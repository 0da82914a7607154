/** The colo's tier over the Cache API's contract: what an edge stored is read as it was, and nothing else is read. */
import { beforeEach, describe, expect, it } from 'vitest'
import { coloTier } from '../../edge/cache/colo-tier.ts'
import type { Cell } from '../../edge/config.ts'
import type { ColoTier } from '../../shared/freshness/cached-reads.ts'
import { ENTRY_FORMAT, type Entry } from '../../shared/freshness/entry.ts'
import { coloCache } from './colo-cache.ts'

const KEY = '/v1/products/tea?market=de'
const SECONDS = 60
const cell: Cell = {
  name: 'eu',
  url: 'http://cell.test',
  keyId: 'k1',
  secret: new TextEncoder().encode('secret'),
}
const found: Entry = {
  status: 200,
  body: new TextEncoder().encode('{"name":"Tee ☕"}'),
  contentType: 'application/json',
  etag: '"a1"',
  tags: ['product:p1', 'handle:tea'],
  history: 'h1',
  stamp: 12,
  untilMs: Number.POSITIVE_INFINITY,
}
const unknown: Entry = { ...found, status: 404, etag: null, tags: ['handle:tea'] }

let cache: Cache
let kept: ReturnType<typeof coloCache>['kept']
let tier: ColoTier

beforeEach(() => {
  ;({ cache, kept } = coloCache())
  tier = coloTier(cache, cell, 'production')
})

describe('an entry', () => {
  it.each([found, unknown])('is read by another isolate as it was, $status', async (entry) => {
    await tier.set(KEY, entry, SECONDS)
    expect(await coloTier(cache, cell, 'production').get(KEY)).toEqual(entry)
  })

  it('that was never stored is absent, as is everything when the cache fails', async () => {
    expect(await tier.get(KEY)).toBeNull()
    const broken = {
      match: () => Promise.reject(new Error('no cache')),
      put: () => Promise.reject(new Error('no cache')),
    } as unknown as Cache
    const failing = coloTier(broken, cell, 'production')
    await failing.set(KEY, found, SECONDS)
    expect(await failing.get(KEY)).toBeNull()
  })

  it('of another environment, or sealed by another secret, is absent', async () => {
    await tier.set(KEY, found, SECONDS)
    expect(await coloTier(cache, cell, 'staging').get(KEY)).toBeNull()
    const other = { ...cell, secret: new TextEncoder().encode('guessed') }
    expect(await coloTier(cache, other, 'production').get(KEY)).toBeNull()
  })
})

describe('a poisoned entry is dropped', () => {
  const length = found.body.byteLength
  const headers: [what: string, name: string, value: string | null][] = [
    ['a later stamp', 'tradewind-stamp', 'catalogue=13;h=h1'],
    ['a stamp of the future', 'tradewind-stamp', 'catalogue=999999999;h=h1'],
    ['an earlier stamp', 'tradewind-stamp', 'catalogue=11;h=h1'],
    ['another history', 'tradewind-stamp', 'catalogue=12;h=h2'],
    ['no stamp', 'tradewind-stamp', null],
    ['other tags', 'tradewind-tags', 'product:p2 handle:tea'],
    ['a tag less', 'tradewind-tags', 'handle:tea'],
    ['no tags', 'tradewind-tags', null],
    ['another version', 'tradewind-entry', `${ENTRY_FORMAT + 1} 200 ${length}`],
    ['another status', 'tradewind-entry', `${ENTRY_FORMAT} 404 ${length}`],
    ['another ETag', 'tradewind-etag', '"b2"'],
    ['a life', 'tradewind-life', '999999'],
    ['another type', 'content-type', 'text/html'],
    ['no seal', 'tradewind-seal', null],
    ['a seal that is none', 'tradewind-seal', 'k1=AAAA'],
    ['the seal of nobody', 'tradewind-seal', 'k2=AAAA k1=!'],
  ]

  it.each(headers)('with %s', async (_, name, value) => {
    await tier.set(KEY, found, SECONDS)
    const [address, entry] = [...kept][0]!
    const response = new Response(entry.response.body, entry.response)
    if (value === null) response.headers.delete(name)
    else response.headers.set(name, value)
    kept.set(address, { ...entry, response })
    expect(await tier.get(KEY)).toBeNull()
  })

  it.each<[string, (body: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>]>([
    ['cut short', (body) => body.slice(0, -4)],
    ['cut within a character', (body) => body.slice(0, -5)],
    ['emptied', () => new Uint8Array()],
    ['of other bytes of the same length', (body) => body.map((byte) => byte ^ 1)],
  ])('%s', async (_, poison) => {
    await tier.set(KEY, found, SECONDS)
    const [address, entry] = [...kept][0]!
    const response = new Response(poison(found.body), entry.response)
    kept.set(address, { ...entry, response })
    expect(await tier.get(KEY)).toBeNull()
  })

  it('that stands at the address of another', async () => {
    await tier.set('/v1/products/pot?market=de', found, SECONDS)
    const [address, entry] = [...kept][0]!
    kept.set(address.replace('/pot', '/tea'), entry)
    expect(await tier.get(KEY)).toBeNull()
  })
})

it('an entry whose life is bounded is read with what is left of it, and not stored when little is', async () => {
  const nowMs = Date.now()
  await tier.set(KEY, { ...found, untilMs: nowMs + 20_000 }, SECONDS)
  const read = await tier.get(KEY)
  expect(read!.untilMs).toBeGreaterThan(nowMs + 8_000)
  expect(read!.untilMs).toBeLessThanOrEqual(nowMs + 20_000)
  kept.clear()
  await tier.set(KEY, { ...found, untilMs: nowMs + 1_000 }, SECONDS)
  expect(kept.size).toBe(0)
})
