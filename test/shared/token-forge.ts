/** Makes tokens that differ from a good one in one thing, byte by byte: no library would write most of them. */
import { createPublicKey, type KeyObject, sign as signBytes } from 'node:crypto'
import type { JWK } from 'jose'

export interface Forge {
  /** A token that is accepted. */
  readonly good: string
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** The key of `good`. */
  readonly key: KeyObject
  readonly publicJwk: JWK
  /** A token of these parts, each as JSON unless it is text or bytes, with a good signature of just these bytes. */
  signed(header: unknown, payload: unknown): string
  /** With a signature that is made otherwise. */
  forged(header: unknown, payload: unknown, sign: (input: string) => Buffer): string
}

/** @param good whose private key is `key`. */
export function forgeOf(good: string, key: KeyObject): Forge {
  const [header, claims] = good.split('.', 2).map(readJson) as [Forge['header'], Forge['claims']]
  const forged: Forge['forged'] = (head, payload, sign) => {
    const input = `${segment(head)}.${segment(payload)}`
    return `${input}.${sign(input).toString('base64url')}`
  }
  return {
    good,
    header,
    claims,
    key,
    publicJwk: { ...createPublicKey(key).export({ format: 'jwk' }), kid: header.kid } as JWK,
    forged,
    signed: (head, payload) => forged(head, payload, (input) => signature(input, key)),
  }
}

/** JWS signatures: EdDSA (RFC 8037 §3.1), or ECDSA in fixed length (RFC 7518 §3.4). */
export function signature(input: string, key: KeyObject): Buffer {
  const isEdwards = key.asymmetricKeyType === 'ed25519' || key.asymmetricKeyType === 'ed448'
  const hash = HASHES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'sha256'
  return signBytes(isEdwards ? null : hash, Buffer.from(input, 'latin1'), {
    key,
    dsaEncoding: 'ieee-p1363',
  })
}

const HASHES: Readonly<Record<string, string>> = { secp384r1: 'sha384', secp521r1: 'sha512' }

/** Base64url of JSON, or of text or bytes as they are. */
export function segment(value: unknown): string {
  if (Buffer.isBuffer(value)) return value.toString('base64url')
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString(
    'base64url',
  )
}

function readJson(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * The same bytes by another last character, whose spare bits are not zero (RFC 4648 §3.5).
 *
 * @throws {Error} when the length leaves no spare bits.
 */
export function withSpareBits(base64url: string): string {
  if (base64url.length % 4 === 0) throw new Error('no bits to spare')
  const last = base64url.at(-1)!
  return base64url.slice(0, -1) + ALPHABET[ALPHABET.indexOf(last) + 1]
}
