/** Reads a request's JSON body within limits of size and depth. */
import { Problem } from '../../shared/problems.ts'

export const BODY_DEPTH_MAX = 32

/** @throws {Problem} `request.too_large` as soon as the limit is passed; `request.malformed` when the sender breaks off. */
export async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array> {
  const tooLarge = () =>
    new Problem('request.too_large', { detail: `The body may have ${bytesMax} bytes.` })
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge()
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of request.body) {
      length += chunk.byteLength
      if (length > bytesMax) throw tooLarge()
      chunks.push(chunk)
    }
  } catch (cause) {
    if (cause instanceof Problem) throw cause
    throw new Problem('request.malformed', { detail: 'The body did not arrive whole.', cause })
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

/** @throws {Problem} `request.malformed` for what is not UTF-8 JSON of a sane depth. */
export function parseJsonBody(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (depthOf(text) > BODY_DEPTH_MAX) {
      throw new Problem('request.malformed', {
        detail: `The body nests over ${BODY_DEPTH_MAX} deep.`,
      })
    }
    return JSON.parse(text, refusePrototype)
  } catch (cause) {
    if (cause instanceof Problem) throw cause
    throw new Problem('request.malformed', { detail: 'The body is not JSON in UTF-8.', cause })
  }
}

function refusePrototype(key: string, value: unknown): unknown {
  if (key !== '__proto__') return value
  throw new Problem('request.malformed', { detail: 'A member may not be named __proto__.' })
}

/** How deep brackets nest outside strings, without recursion. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === 0x5c) i += 1
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x7b || code === 0x5b) {
      depth += 1
      if (depth > deepest) deepest = depth
    } else if (code === 0x7d || code === 0x5d) depth -= 1
  }
  return deepest
}
