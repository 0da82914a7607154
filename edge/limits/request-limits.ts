/** Step 4: the size of what is asked, before anything is done with it. */
import { Problem } from '../../shared/problems.ts'

export const URL_BYTES_MAX = 4_096

/** @throws {Problem} `request.too_large`. */
export function assertWithinLimits(request: Request, bodyBytesMax: number): void {
  if (request.url.length > URL_BYTES_MAX) {
    throw new Problem('request.too_large', {
      detail: `An address may have ${URL_BYTES_MAX} bytes.`,
    })
  }
  if (Number(request.headers.get('content-length') ?? 0) > bodyBytesMax)
    throw tooLarge(bodyBytesMax)
}

/** True when a body is on its way, by what the request says of itself. */
export function announcesBody(headers: Headers): boolean {
  const length = headers.get('content-length')
  return length !== null && length !== '0'
}

/**
 * Reads a body up to its limit, whatever `Content-Length` said.
 *
 * @throws {Problem} `request.too_large`; `request.malformed` when it breaks off, or is not framed as it says.
 */
export async function readBody(
  request: Request,
  bodyBytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new Problem('request.malformed', { detail: 'The body is not whole.', cause })
    })
    if (done) break
    length += value.byteLength
    if (length > bodyBytesMax) {
      await reader.cancel()
      throw tooLarge(bodyBytesMax)
    }
    chunks.push(value)
  }
  const body = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    body.set(chunk, offset)
    offset += chunk.byteLength
  }
  return body
}

function tooLarge(bytesMax: number): Problem {
  return new Problem('request.too_large', { detail: `The body may have ${bytesMax} bytes.` })
}
