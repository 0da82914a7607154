/** Bodies are read within limits of size, depth and text. */
import { describe, expect, test } from 'vitest'
import {
  BODY_DEPTH_MAX,
  parseJsonBody,
  readBytes,
} from '../../../regional/platform/request-body.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const malformed = expect.objectContaining({ code: 'request.malformed' })
const tooLarge = { code: 'request.too_large', status: 413 }

function requestOf(chunks: string[], headers: Record<string, string> = {}) {
  let pulled = 0
  const body = new ReadableStream({
    pull: (controller) => {
      const chunk = chunks[pulled]
      if (chunk === undefined) return controller.close()
      pulled += 1
      controller.enqueue(bytes(chunk))
    },
  })
  const init = { method: 'POST', body, headers, duplex: 'half' }
  const request = new Request('http://cell.test', init)
  return { request, pulled: () => pulled }
}

describe('size', () => {
  test('a body of exactly the limit is read whole, from any number of chunks', async () => {
    expect(await readBytes(requestOf(['abcd']).request, 4)).toEqual(bytes('abcd'))
    const read = await readBytes(requestOf(['ab', 'c', 'd']).request, 4)
    expect(new TextDecoder().decode(read)).toBe('abcd')
  })

  test('no body is no bytes', async () => {
    const request = new Request('http://cell.test', { method: 'POST' })
    expect((await readBytes(request, 4)).byteLength).toBe(0)
  })

  test('a sender that breaks off is at fault, not the cell', async () => {
    let sent = 0
    const body = new ReadableStream({
      pull: (controller) => {
        sent += 1
        if (sent > 1) return controller.error(new Error('closed'))
        controller.enqueue(bytes('ab'))
      },
    })
    const init = { method: 'POST', body, duplex: 'half' }
    await expect(readBytes(new Request('http://cell.test', init), 4)).rejects.toEqual(malformed)
  })

  test('a declared length over the limit is refused before a byte is read', async () => {
    const { request } = requestOf(['abcde'], { 'content-length': '5' })
    await expect(readBytes(request, 4)).rejects.toMatchObject(tooLarge)
    expect(request.bodyUsed).toBe(false)
  })

  test('an undeclared length is refused as soon as the limit is passed', async () => {
    const { request, pulled } = requestOf(Array.from({ length: 1_000 }, () => 'abcd'))
    await expect(readBytes(request, 10)).rejects.toMatchObject(tooLarge)
    expect(pulled()).toBeLessThan(10)
  })
})

describe('text', () => {
  test('JSON in UTF-8 is read', () => {
    expect(parseJsonBody(bytes('{"name":"Tür","n":[1,2]}'))).toEqual({ name: 'Tür', n: [1, 2] })
  })

  test.each(['', '{', '{"a":1,}', "{'a':1}", 'NaN', '{"a":1}{', '\u0000'])(
    '%j is refused',
    (text) => {
      expect(() => parseJsonBody(bytes(text))).toThrow(malformed)
    },
  )

  test('what is not UTF-8 is refused', () => {
    expect(() => parseJsonBody(new Uint8Array([0x22, 0xff, 0xfe, 0x22]))).toThrow(malformed)
    // An encoded surrogate is not UTF-8 either (RFC 3629 §3).
    expect(() => parseJsonBody(new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]))).toThrow(malformed)
  })

  test.each(['{"__proto__":{"admin":true}}', '{"a":[{"\\u005f_proto__":1}]}'])(
    'a member named __proto__ is refused: %s',
    (text) => {
      expect(() => parseJsonBody(bytes(text))).toThrow(malformed)
      expect(({} as { admin?: boolean }).admin).toBeUndefined()
    },
  )
})

describe('depth', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

  test('the deepest allowed is read, one deeper is refused', () => {
    expect(() => parseJsonBody(bytes(nested(BODY_DEPTH_MAX)))).not.toThrow()
    expect(() => parseJsonBody(bytes(nested(BODY_DEPTH_MAX + 1)))).toThrow(malformed)
  })

  test('a million brackets are refused without a stack to overflow', () => {
    expect(() => parseJsonBody(bytes('{"a":'.repeat(200_000)))).toThrow(malformed)
    expect(() => parseJsonBody(bytes('['.repeat(1_000_000)))).toThrow(malformed)
  })

  test('brackets within strings do not count', () => {
    const text = JSON.stringify({ text: `\\"${'['.repeat(100)}` })
    expect(parseJsonBody(bytes(text))).toEqual({ text: `\\"${'['.repeat(100)}` })
  })
})
