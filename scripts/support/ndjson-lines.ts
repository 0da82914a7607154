/** Reads newline-delimited JSON a line at a time, in bounded memory. */

/** A line that is longer is named and skipped. */
export const LINE_BYTES_MAX = 1_048_576

/** A line's value, or what is wrong with the line; `raw` holds its beginning. */
export type ReadLine =
  | { line: number; value: unknown }
  | { line: number; fault: string; raw: string }

const RAW_LENGTH_MAX = 2_000
const NEWLINE = 0x0a

/** Lines count from 1; empty ones are passed over. */
export async function* ndjsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ReadLine> {
  let line = 0
  for await (const bytes of lineBytes(chunks)) {
    line += 1
    const read = readLine(line, bytes)
    if (read !== null) yield read
  }
}

/**
 * Each line's bytes without its newline; of a line beyond the limit, just enough to see that it is.
 */
async function* lineBytes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let length = 0
  const keep = (part: Uint8Array) => {
    const room = LINE_BYTES_MAX + 1 - length
    if (room > 0 && part.byteLength > 0) parts.push(part.subarray(0, room))
    length += part.byteLength
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      keep(chunk.subarray(start, end))
      yield Buffer.concat(parts)
      parts = []
      length = 0
      start = end + 1
    }
    keep(chunk.subarray(start))
  }
  if (length > 0) yield Buffer.concat(parts)
}

function readLine(line: number, bytes: Uint8Array): ReadLine | null {
  const lossy = () => Buffer.from(bytes.subarray(0, RAW_LENGTH_MAX)).toString('utf8')
  if (bytes.byteLength > LINE_BYTES_MAX) {
    return { line, fault: `is longer than ${LINE_BYTES_MAX} bytes`, raw: lossy() }
  }
  const text = textOf(bytes)
  if (text === null) return { line, fault: 'is not UTF-8', raw: lossy() }
  if (text.trim() === '') return null
  try {
    return { line, value: JSON.parse(text) }
  } catch {
    return { line, fault: 'is not JSON', raw: lossy() }
  }
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}
