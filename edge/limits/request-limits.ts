/** Step 4: the size of what is asked, before anything is done with it. */
import { Problem } from '../../shared/problems.ts'

export const URL_BYTES_MAX = 4_096

/** @throws {Problem} `request.too_large`. */
export function assertWithinLimits(request: Request, bodyBytesMax: number): void {
  const problem = limitExceeded(request, bodyBytesMax)
  if (problem !== null) throw problem
}

/** The limit that the request is over, as `request.too_large`; `null` when it is within all of them. */
export function limitExceeded(request: Request, bodyBytesMax: number): Problem | null {
  if (request.url.length > URL_BYTES_MAX) {
    return new Problem('request.too_large', {
      detail: `An address may have ${URL_BYTES_MAX} bytes.`,
    })
  }
  const length = request.headers.get('content-length')
  return length !== null && Number(length) > bodyBytesMax ? tooLarge(bodyBytesMax) : null
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
