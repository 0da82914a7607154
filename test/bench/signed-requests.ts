/** Requests as an edge would send them, as bytes, signed ahead of a turn: signing must not be part of what is measured. */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import {
  coveredComponents,
  SIGNATURE_LIFE_SECONDS,
  signatureBase,
  signatureHeaders,
  signatureInput,
} from '../../shared/signing/request-signature.ts'
import { edgeSecret } from '../support/keys.ts'

export interface PlainRequest {
  readonly method: 'GET' | 'POST'
  /** Path and query. */
  readonly path: string
  readonly host: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

const [keyId, key] = edgeSecret.split(':') as [string, string]
const secret = Buffer.from(key, 'base64url')

/** A nonce of as many characters as the edge's, cheap to make. */
const run = randomBytes(12).toString('hex')
let nonces = 0

/** Good for `SIGNATURE_LIFE_SECONDS` from now, once: the nonce is fresh. */
export function signedRequest(request: PlainRequest): Buffer {
  const { method, path, body } = request
  const headers: Record<string, string> = { ...request.headers }
  if (body !== undefined) {
    headers['content-type'] = 'application/json'
    headers['content-digest'] = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
  }
  const mark = path.indexOf('?')
  const signable = {
    method,
    path: mark === -1 ? path : path.slice(0, mark),
    query: mark === -1 ? '' : path.slice(mark),
    header: (name: string) => headers[name],
  }
  const createdSeconds = Math.floor(Date.now() / 1_000)
  nonces += 1
  const input = signatureInput(coveredComponents(signable), {
    createdSeconds,
    expiresSeconds: createdSeconds + SIGNATURE_LIFE_SECONDS,
    nonce: `${run}-${nonces.toString(36).padStart(11, '0')}`,
    keyId,
  })
  const mac = createHmac('sha256', secret).update(signatureBase(signable, input)).digest('base64')
  return requestBytes({ ...request, headers: { ...headers, ...signatureHeaders(input, mac) } })
}

export function requestBytes({ method, path, host, headers, body }: PlainRequest): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${host}`]
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body !== undefined) lines.push(`content-length: ${Buffer.byteLength(body)}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`)
}
