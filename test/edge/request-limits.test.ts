import { describe, expect, it } from 'vitest'
import { assertWithinLimits, readBody, URL_BYTES_MAX } from '../../edge/limits/request-limits.ts'

const TOO_LARGE = expect.objectContaining({ code: 'request.too_large' })

/** A body whose length nobody was told. */
function streamed(chunks: number, bytes: number) {
  let sent = 0
  let wasCancelled = false
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === chunks) return controller.close()
      sent += 1
      controller.enqueue(new Uint8Array(bytes).fill(sent))
    },
    cancel() {
      wasCancelled = true
    },
  })
  const request = new Request('https://edge.test/', {
    method: 'POST',
    body,
    duplex: 'half',
  } as RequestInit)
  return { request, sent: () => sent, wasCancelled: () => wasCancelled }
}

describe('a request', () => {
  it('is refused for the length of its address', () => {
    const base = 'https://edge.test/?q='
    const longest = new Request(base + 'a'.repeat(URL_BYTES_MAX - base.length))
    expect(() => assertWithinLimits(longest, 0)).not.toThrow()
    const longer = new Request(base + 'a'.repeat(URL_BYTES_MAX - base.length + 1))
    expect(() => assertWithinLimits(longer, 0)).toThrow(TOO_LARGE)
  })

  it('is refused for the length it says it has, before it is read', () => {
    const saying = (length: string) =>
      new Request('https://edge.test/', { method: 'POST', headers: { 'content-length': length } })
    expect(() => assertWithinLimits(saying('100'), 100)).not.toThrow()
    expect(() => assertWithinLimits(saying('101'), 100)).toThrow(TOO_LARGE)
  })
})

describe('a body', () => {
  it('is read whole, in order', async () => {
    expect([...(await readBody(streamed(3, 2).request, 6))]).toEqual([1, 1, 2, 2, 3, 3])
  })

  it('that is absent is empty', async () => {
    expect(await readBody(new Request('https://edge.test/'), 10)).toHaveLength(0)
  })

  it('that is longer than it may be is refused as soon as it is, and read no further', async () => {
    const { request, sent, wasCancelled } = streamed(1_000, 10)
    await expect(readBody(request, 35)).rejects.toThrow(TOO_LARGE)
    expect(sent()).toBeLessThan(10)
    expect(wasCancelled()).toBe(true)
  })

  it('that breaks off is the caller’s fault, not ours', async () => {
    const body = new ReadableStream({
      pull: (controller) => controller.error(new Error('Network connection lost.')),
    })
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    const read = readBody(new Request('https://edge.test/', init), 10)
    await expect(read).rejects.toMatchObject({ code: 'request.malformed' })
  })
})
