/** Verifies that a request was signed by a trusted edge, once. */
import {
  createHash,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import {
  coveredComponents,
  isTimely,
  parseSignature,
  SIGNATURE_LIFE_SECONDS,
  SIGNATURE_SKEW_SECONDS,
  type SignableRequest,
  signatureBase,
} from '../../shared/signing/request-signature.ts'
import type { SealKey } from '../../shared/signing/seal.ts'
import type { Clock } from './clock.ts'

export type SignatureRefusal =
  | 'unsigned'
  | 'expired'
  | 'unknown_key'
  | 'components'
  | 'altered'
  | 'replayed'

/** Nonces remembered a process. Past it the oldest half is dropped: then the times alone bound a replay. */
const NONCES_MAX = 2_000_000

export class EdgeSignatures {
  /** Keys made once: a key made of bytes for each request costs more than the check itself. */
  readonly #secrets: Map<string, KeyObject>
  readonly #clock: Clock
  #nonces = new Set<string>()
  #noncesBefore = new Set<string>()
  #turnedAtMs = 0

  /** @param secrets `keyid:base64url` each; two during a rotation. */
  constructor(secrets: readonly string[], clock: Clock) {
    this.#clock = clock
    this.#secrets = new Map(
      secrets.map(sealKeyOf).map(({ keyId, secret }) => [keyId, createSecretKey(secret)]),
    )
  }

  /** @returns why the request is refused, for the log only; `null` when it is to be trusted. */
  refusalOf(request: SignableRequest): SignatureRefusal | null {
    const presented = parseSignature(request.header('signature-input'), request.header('signature'))
    if (presented === null) return 'unsigned'
    const nowMs = this.#clock.now().getTime()
    if (!isTimely(presented, Math.floor(nowMs / 1_000))) return 'expired'
    const secret = this.#secrets.get(presented.keyId)
    if (secret === undefined) return 'unknown_key'
    if (presented.components !== coveredComponents(request)) return 'components'
    const base = signatureBase(request, presented.input)
    const expected = createHmac('sha256', secret).update(base).digest()
    const actual = Buffer.from(presented.signatureBase64, 'base64')
    if (!timingSafeEqual(expected, actual)) return 'altered'
    return this.#isFirstUse(presented.nonce, nowMs) ? null : 'replayed'
  }

  /** Two generations, each at least a signature's life, so forgetting never lets a live nonce in again. */
  #isFirstUse(nonce: string, nowMs: number): boolean {
    const generationMs = (SIGNATURE_LIFE_SECONDS + 2 * SIGNATURE_SKEW_SECONDS) * 1_000
    if (nowMs - this.#turnedAtMs > generationMs || this.#nonces.size >= NONCES_MAX / 2) {
      this.#noncesBefore = this.#nonces
      this.#nonces = new Set()
      this.#turnedAtMs = nowMs
    }
    if (this.#nonces.has(nonce) || this.#noncesBefore.has(nonce)) return false
    this.#nonces.add(nonce)
    return true
  }
}

/** One of the secrets that cell and edge share. @param entry `keyid:base64url`. */
export function sealKeyOf(entry: string): SealKey {
  const colon = entry.indexOf(':')
  const secret = Uint8Array.from(Buffer.from(entry.slice(colon + 1), 'base64url'))
  return { keyId: entry.slice(0, colon), secret }
}

/** True when the body is the one the signed `Content-Digest` (RFC 9530) names. */
export function isDigestOf(body: Uint8Array, contentDigest: string | null | undefined): boolean {
  const digest = createHash('sha256').update(body).digest('base64')
  return contentDigest === `sha-256=:${digest}:`
}
