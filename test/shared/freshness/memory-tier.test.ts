import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, type Entry } from '../../../shared/freshness/entry.ts'
import { MEMORY_BYTES_MAX, MemoryTier } from '../../../shared/freshness/memory-tier.ts'

interface Made {
  bytes?: number
  stamp?: number
  history?: string
  status?: 200 | 404
}

function entry(options: Made = {}): Entry {
  const { bytes = 100, stamp = 1, history = 'h1', status = 200 } = options
  return {
    status,
    body: new Uint8Array(bytes),
    contentType: 'application/json',
    etag: '"a"',
    tags: ['product:a'],
    history,
    stamp,
    untilMs: Number.POSITIVE_INFINITY,
  }
}

/** Room for so many entries beside negative ones. */
const HELD = 300
const ROOM = Math.ceil((HELD * (bytesOf(entry()) + 32) * 16) / 15)
const POPULAR = numbered('popular', 20)

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name} ${index}`)
}

function askFor(memory: MemoryTier, keys: readonly string[]): void {
  for (const key of keys) memory.get(key)
}

describe('memory', () => {
  it('gives back what it was given, and counts its bytes', () => {
    const memory = new MemoryTier()
    const one = entry()
    memory.set('a', one)
    expect(memory.get('a')).toBe(one)
    expect(memory.get('b')).toBeUndefined()
    expect(memory).toMatchObject({ size: 1, bytes: bytesOf(one) + 2 })
  })

  it('keeps what is asked for again, and lets what is not pass through', () => {
    const memory = new MemoryTier(ROOM)
    for (const key of POPULAR) memory.set(key, entry())
    askFor(memory, POPULAR)
    for (const key of numbered('crawled', 20 * HELD)) memory.set(key, entry())
    expect(POPULAR.filter((key) => memory.get(key) === undefined)).toEqual([])
    expect(memory.bytes).toBeLessThanOrEqual(ROOM)
  })

  it('gives the room of what is no longer asked for to what is', () => {
    const memory = new MemoryTier(ROOM)
    for (const key of POPULAR) memory.set(key, entry())
    askFor(memory, POPULAR)
    const later = numbered('later', HELD)
    for (let round = 0; round < 8; round += 1) {
      for (const key of later) if (memory.get(key) === undefined) memory.set(key, entry())
    }
    const held = later.filter((key) => memory.get(key) !== undefined)
    expect(held.length).toBeGreaterThan(HELD / 2)
  })

  it('takes one that comes back soon after it went for a popular one', () => {
    const memory = new MemoryTier(ROOM)
    for (const key of numbered('first', 2 * HELD)) memory.set(key, entry())
    expect(memory.get('first 0')).toBeUndefined()
    memory.set('first 0', entry())
    for (const key of numbered('crawled', 20 * HELD)) memory.set(key, entry())
    expect(memory.get('first 0')).toBeDefined()
  })

  it('lets no number of negative answers, however often asked for, push out a real one', () => {
    const memory = new MemoryTier(ROOM)
    const real = numbered('real', HELD / 2)
    for (const key of real) memory.set(key, entry())
    for (const key of numbered('random', 20 * HELD)) {
      memory.set(key, entry({ status: 404 }))
      askFor(memory, [key, key])
    }
    expect(real.filter((key) => memory.get(key) === undefined)).toEqual([])
    expect(memory.get(`random ${20 * HELD - 1}`)).toMatchObject({ status: 404 })
  })

  it('moves a key whose answer turns negative, or real again, and forgets the other answer', () => {
    const memory = new MemoryTier()
    memory.set('a', entry())
    memory.set('a', entry({ status: 404, stamp: 2 }))
    expect(memory.get('a')).toMatchObject({ status: 404 })
    memory.set('a', entry({ stamp: 3 }))
    expect(memory.get('a')).toMatchObject({ status: 200 })
    expect(memory.size).toBe(1)
    memory.delete('a')
    expect(memory).toMatchObject({ size: 0, bytes: 0 })
  })

  it('without room keeps nothing', () => {
    const memory = new MemoryTier(0)
    memory.set('a', entry())
    expect(memory).toMatchObject({ size: 0, bytes: 0 })
  })

  it('does not let an older answer that arrives late replace a newer one', () => {
    const memory = new MemoryTier()
    const newer = entry({ stamp: 9 })
    memory.set('a', newer)
    memory.set('a', entry({ stamp: 8 }))
    expect(memory.get('a')).toBe(newer)
    const again = entry({ stamp: 9 })
    memory.set('a', again)
    expect(memory.get('a')).toBe(again)
  })

  it('compares no stamps of different histories', () => {
    const memory = new MemoryTier()
    memory.set('a', entry({ stamp: 9 }))
    const other = entry({ stamp: 2, history: 'h2' })
    memory.set('a', other)
    expect(memory.get('a')).toBe(other)
  })

  it('refuses an entry that would push out too many others, and keeps no older one in its place', () => {
    const memory = new MemoryTier()
    memory.set('a', entry())
    memory.set('a', entry({ bytes: MEMORY_BYTES_MAX / 16, stamp: 2 }))
    expect(memory).toMatchObject({ size: 0, bytes: 0 })
  })

  it('never holds more than its bound, and counts exactly what it holds', () => {
    const keys = ['a', 'b', 'c', 'd', 'e']
    const step = fc.record({
      key: fc.constantFrom(...keys),
      bytes: fc.nat(5_000),
      stamp: fc.nat(5),
      status: fc.constantFrom(200 as const, 404 as const),
      kind: fc.constantFrom('set', 'get', 'delete'),
    })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const memory = new MemoryTier(40_000)
        for (const { key, kind, ...options } of steps) {
          if (kind === 'set') memory.set(key, entry(options))
          else if (kind === 'get') memory.get(key)
          else memory.delete(key)
          expect(memory.bytes).toBeLessThanOrEqual(40_000)
        }
        const held = keys.map((key) => memory.get(key)).filter((each) => each !== undefined)
        expect(memory.size).toBe(held.length)
        expect(memory.bytes).toBe(held.reduce((sum, each) => sum + bytesOf(each) + 2, 0))
      }),
    )
  })
})
