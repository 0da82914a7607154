/**
 * The one form in which our issuers write an access token. A JWS leaves much freedom: members twice, numbers in any
 * notation, headers that name keys or change the rules. We write none of it, so whatever holds any of it is refused
 * before a key is touched.
 */
import { base64url } from 'jose'
import { ACCESS_TOKEN_ALGORITHMS, ACCESS_TOKEN_BYTES_MAX, ACCESS_TOKEN_TYPE } from '../principal.ts'

/** The key that a token names, and how it says to use it. */
export interface TokenHeader {
  readonly alg: (typeof ACCESS_TOKEN_ALGORITHMS)[number]
  readonly kid: string
}

/** A token taken apart, by nobody's word but its own. */
export interface TokenForm extends TokenHeader {
  readonly claims: Readonly<Record<string, unknown>>
  /** What was signed: header and payload as they were sent. */
  readonly input: string
  /** In base64url. */
  readonly signature: string
}

/** A signature of either algorithm has 64 bytes. */
const SIGNATURE_LENGTH = 86
const SEGMENTS = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]{85}[AQgw]$/
/** Last characters whose spare bits are zero (RFC 4648 §3.5), by how many characters stand in the last group of four. */
const ENDS: readonly string[] = ['', '', 'AQgw', 'AEIMQUYcgkosw048']
const KID = /^[A-Za-z0-9_-]{1,64}$/
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The header of one key is the same in all its tokens. */
const headers = new Map<string, TokenHeader>()
const HEADERS_MAX = 64

/** @returns `null` for what no issuer of ours would write. It says nothing of the signature. */
export function readToken(token: string): TokenForm | null {
  if (token.length > ACCESS_TOKEN_BYTES_MAX) return null
  const [, header, payload] = SEGMENTS.exec(token) ?? []
  if (header === undefined || payload === undefined) return null
  const read = headers.get(header) ?? readHeader(header)
  if (read === null) return null
  const claims = canonical(payload)
  if (claims === null) return null
  const { alg, kid } = read
  const dot = token.length - SIGNATURE_LENGTH - 1
  return { alg, kid, claims, input: token.slice(0, dot), signature: token.slice(dot + 1) }
}

/** Exactly `alg`, `kid` and `typ`: no key, no address of one, nothing critical (RFC 8725 §3.1, §3.11). */
function readHeader(segment: string): TokenHeader | null {
  const header = canonical(segment)
  if (header === null || Object.keys(header).length !== 3) return null
  const { alg, kid, typ } = header
  const isOurs = (ACCESS_TOKEN_ALGORITHMS as readonly unknown[]).includes(alg)
  if (!isOurs || typ !== ACCESS_TOKEN_TYPE || typeof kid !== 'string' || !KID.test(kid)) return null
  if (headers.size >= HEADERS_MAX) headers.clear()
  const read = { alg: alg as TokenHeader['alg'], kid }
  headers.set(segment, read)
  return read
}

/** An object written as `JSON.stringify` writes it: no member twice, no blank, no number but in its shortest form. */
function canonical(segment: string): Record<string, unknown> | null {
  const inLastGroup = segment.length % 4
  // Bits to spare would let one token be written in many ways.
  if (inLastGroup !== 0 && !ENDS[inLastGroup]!.includes(segment.at(-1)!)) return null
  try {
    const text = decoder.decode(base64url.decode(segment))
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || JSON.stringify(value) !== text) return null
    return value as Record<string, unknown>
  } catch {
    return null
  }
}
