/** Reads HTTP/1.1 responses off a socket (RFC 9112), as far as a load generator must: where each one ends. */

export interface RawResponse {
  readonly status: number
  readonly head: string
  /** Still in chunks when it was sent in chunks. */
  body(): string
}

const END_OF_HEAD = Buffer.from('\r\n\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/** One response at a time: the next request is sent only when this one is whole. */
export class ResponseReader {
  readonly #onResponse: (response: RawResponse) => void
  #bytes: Buffer = Buffer.alloc(0)

  constructor(onResponse: (response: RawResponse) => void) {
    this.#onResponse = onResponse
  }

  take(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    const bytes = this.#bytes
    const endOfHead = bytes.indexOf(END_OF_HEAD)
    if (endOfHead === -1) return
    const head = bytes.toString('latin1', 0, endOfHead)
    const start = endOfHead + END_OF_HEAD.length
    if (!isWhole(head, bytes, start)) return
    this.#bytes = Buffer.alloc(0)
    const status = Number(head.slice(9, 12))
    this.#onResponse({ status, head, body: () => bytes.toString('utf8', start) })
  }
}

function isWhole(head: string, bytes: Buffer, start: number): boolean {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)
  if (length !== null) return bytes.length >= start + Number(length[1])
  return bytes.subarray(Math.max(start, bytes.length - LAST_CHUNK.length)).equals(LAST_CHUNK)
}
