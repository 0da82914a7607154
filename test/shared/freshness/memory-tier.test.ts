import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, type Entry } from '../../../shared/freshness/entry.ts'
import { MEMORY_BYTES_MAX, MemoryTier } from '../../../shared/freshness/memory-tier.ts'

function entry(options: { bytes?: number; stamp?: number; history?: string } = {}): Entry {
  const { bytes = 100, stamp = 1, history = 'h1' } = options
  return {
    status: 200,
    body: new Uint8Array(bytes),
    contentType: 'application/json',
    etag: '"a"',
    tags: ['product:a'],
    history,
    stamp,
  }
}

describe('memory', () => {
  it('gives back what it was given, and counts its bytes', () => {
    const memory = new MemoryTier()
    const one = entry()
    memory.set('a', one)
    expect(memory.get('a')).toBe(one)
    expect(memory.get('b')).toBeUndefined()
    expect(memory).toMatchObject({ size: 1, bytes: bytesOf(one) })
  })

  it('lets the one not used for longest go first', () => {
    const memory = new MemoryTier(3 * bytesOf(entry()))
    for (const key of ['a', 'b', 'c']) memory.set(key, entry())
    memory.get('a')
    memory.set('d', entry())
    expect(['a', 'b', 'c', 'd'].filter((key) => memory.get(key))).toEqual(['a', 'c', 'd'])
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
      kind: fc.constantFrom('set', 'get', 'delete'),
    })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const memory = new MemoryTier(8_000)
        for (const { key, kind, ...options } of steps) {
          if (kind === 'set') memory.set(key, entry(options))
          else if (kind === 'get') memory.get(key)
          else memory.delete(key)
          expect(memory.bytes).toBeLessThanOrEqual(8_000)
        }
        const held = keys.map((key) => memory.get(key)).filter((each) => each !== undefined)
        expect(memory.size).toBe(held.length)
        expect(memory.bytes).toBe(held.reduce((sum, each) => sum + bytesOf(each), 0))
      }),
    )
  })
})
