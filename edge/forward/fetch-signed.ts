/** Signed requests to a cell (RFC 9421, the profile of `shared/signing/`), each with a time-out. */
import {
  coveredComponents,
  SIGNATURE_LIFE_SECONDS,
  signatureBase,
  signatureHeaders,
  signatureInput,
} from '../../shared/signing/request-signature.ts'
import type { Cell } from '../config.ts'

export interface CellRequest {
  method: string
  /** Path and query. What a URL may not hold as it is, such as an apostrophe in a query, is encoded before it is signed. */
  path: string
  headers?: Headers
  body?: Uint8Array<ArrayBuffer>
  timeoutMs: number
}

const encoder = new TextEncoder()
const keys = new WeakMap<Cell, Promise<CryptoKey>>()

/** @throws when the cell cannot be reached in time. */
export async function fetchSigned(cell: Cell, request: CellRequest): Promise<Response> {
  const { method, body, timeoutMs } = request
  // As `fetch` will send them: the signature covers what arrives.
  const { pathname: path, search: query } = new URL(`http://cell${request.path}`)
  const headers = new Headers(request.headers)
  if (body !== undefined && body.byteLength > 0) {
    const digest = await crypto.subtle.digest('SHA-256', body)
    headers.set('content-digest', `sha-256=:${toBase64(digest)}:`)
  }
  const header = (name: string) => headers.get(name)
  const signable = { method, path, query, header }
  const nowSeconds = Math.floor(Date.now() / 1_000)
  const input = signatureInput(coveredComponents(signable), {
    createdSeconds: nowSeconds,
    expiresSeconds: nowSeconds + SIGNATURE_LIFE_SECONDS,
    nonce: crypto.randomUUID(),
    keyId: cell.keyId,
  })
  const base = encoder.encode(signatureBase(signable, input))
  const signature = await crypto.subtle.sign('HMAC', await keyOf(cell), base)
  for (const [name, value] of Object.entries(signatureHeaders(input, toBase64(signature)))) {
    headers.set(name, value)
  }
  return await fetch(cell.url + path + query, {
    method,
    headers,
    ...(body === undefined || body.byteLength === 0 ? {} : { body }),
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
}

function keyOf(cell: Cell): Promise<CryptoKey> {
  const known = keys.get(cell)
  if (known !== undefined) return known
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = crypto.subtle.importKey('raw', cell.secret, algorithm, false, ['sign'])
  keys.set(cell, key)
  return key
}

function toBase64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
}
