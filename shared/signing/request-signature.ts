/**
 * HTTP Message Signatures (RFC 9421) in the one profile that edge and cell speak.
 *
 * Algorithm `hmac-sha256` with a secret shared by the edge and one cell. Covered are `@method`, `@path`, `@query` and
 * every header of `SIGNED_HEADERS` that the request carries; a request whose signature covers another list is
 * refused, so nothing in the list can be added or taken away on the way. The profile is fixed, so verifying needs
 * no negotiation: the base is rebuilt from the request and compared.
 */

export const SIGNED_HEADERS = [
  'content-digest',
  'content-type',
  'authorization',
  'idempotency-key',
  'if-none-match',
  'tradewind-context',
  'tradewind-minimum',
  'tradewind-cart-secret',
] as const

/** How long a signature is good for. Also how long a verifier remembers nonces. */
export const SIGNATURE_LIFE_SECONDS = 30
/** How far the clocks of edge and cell may differ. */
export const SIGNATURE_SKEW_SECONDS = 5

const LABEL = 'tw'

export interface SignableRequest {
  method: string
  path: string
  /** With its leading `?`; a lone `?` when there is none (RFC 9421 §2.2.7). */
  query: string
  header: (name: string) => string | null | undefined
}

export interface SignatureParameters {
  createdSeconds: number
  expiresSeconds: number
  nonce: string
  keyId: string
}

export interface PresentedSignature extends SignatureParameters {
  /** The inner list with its parameters, exactly as sent. */
  input: string
  components: string
  signatureBase64: string
}

/** The covered components of a request, as the inner list of `Signature-Input`. */
export function coveredComponents(request: SignableRequest): string {
  let list = '"@method" "@path" "@query"'
  for (const name of SIGNED_HEADERS) if (request.header(name)) list += ` "${name}"`
  return `(${list})`
}

/** The value after the label in `Signature-Input`. */
export function signatureInput(components: string, parameters: SignatureParameters): string {
  const { createdSeconds, expiresSeconds, nonce, keyId } = parameters
  return (
    `${components};created=${createdSeconds};expires=${expiresSeconds}` +
    `;nonce="${nonce}";keyid="${keyId}";alg="hmac-sha256"`
  )
}

/** The signature base (RFC 9421 §2.5): what the HMAC is computed over. */
export function signatureBase(request: SignableRequest, input: string): string {
  let base =
    `"@method": ${request.method.toUpperCase()}\n` +
    `"@path": ${request.path}\n` +
    `"@query": ${request.query === '' ? '?' : request.query}\n`
  for (const name of SIGNED_HEADERS) {
    const value = request.header(name)
    if (value) base += `"${name}": ${value.trim()}\n`
  }
  return `${base}"@signature-params": ${input}`
}

export function signatureHeaders(input: string, signatureBase64: string) {
  return { 'signature-input': `${LABEL}=${input}`, signature: `${LABEL}=:${signatureBase64}:` }
}

const INPUT =
  /^tw=((\([^()]{1,512}\));created=(\d{1,12});expires=(\d{1,12});nonce="([A-Za-z0-9_-]{16,64})";keyid="([A-Za-z0-9._-]{1,64})";alg="hmac-sha256")$/
const SIGNATURE = /^tw=:([A-Za-z0-9+/]{43}=):$/

/** Reads the two signature headers; `null` unless both have exactly the profile's form. */
export function parseSignature(
  input: string | null | undefined,
  signature: string | null | undefined,
): PresentedSignature | null {
  const read = INPUT.exec(input ?? '')
  const value = SIGNATURE.exec(signature ?? '')
  if (read === null || value === null) return null
  return {
    input: read[1]!,
    components: read[2]!,
    createdSeconds: Number(read[3]),
    expiresSeconds: Number(read[4]),
    nonce: read[5]!,
    keyId: read[6]!,
    signatureBase64: value[1]!,
  }
}

/** True while a signature's times hold: created not ahead, not expired, and not longer-lived than the profile allows. */
export function isTimely(signature: SignatureParameters, nowSeconds: number): boolean {
  const { createdSeconds, expiresSeconds } = signature
  return (
    createdSeconds <= nowSeconds + SIGNATURE_SKEW_SECONDS &&
    expiresSeconds > nowSeconds - SIGNATURE_SKEW_SECONDS &&
    expiresSeconds > createdSeconds &&
    expiresSeconds - createdSeconds <= SIGNATURE_LIFE_SECONDS
  )
}
