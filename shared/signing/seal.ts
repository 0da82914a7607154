/**
 * Sealed text: what a cell leaves with a third party for its edges to read, so that nobody else can have written it.
 *
 * HMAC-SHA256 by the secrets that cell and edge share, one a key, so that they rotate as signatures do. The text is
 * bound to the place where it is left; it is not hidden. A seal says who wrote, never when: an old text keeps its seal.
 */

export interface SealKey {
  readonly keyId: string
  readonly secret: Uint8Array<ArrayBuffer>
}

/** One seal for each of the two secrets of a rotation; what has more is not ours. */
const SEALS_MAX = 2
const ALGORITHM = { name: 'HMAC', hash: 'SHA-256' }
/** Keeps a seal from being taken for the signature of a request, which is made with the same secret. */
const PURPOSE = 'tradewind-seal/1'

const encoder = new TextEncoder()
const cryptoKeys = new WeakMap<Uint8Array, Promise<CryptoKey>>()

/** `keyid=seal keyid=seal`, a line feed, and the text as it is. */
export async function seal(text: string, place: string, keys: readonly SealKey[]): Promise<string> {
  const bytes = sealedBytes(text, place)
  const seals = await Promise.all(
    keys.map(async (key) => {
      const mac = await crypto.subtle.sign('HMAC', await cryptoKeyOf(key), bytes)
      return `${key.keyId}=${btoa(String.fromCharCode(...new Uint8Array(mac)))}`
    }),
  )
  return `${seals.join(' ')}\n${text}`
}

/** The text, when one of these keys has sealed it for this place; else `null`. */
export async function unseal(
  sealed: string,
  place: string,
  keys: readonly SealKey[],
): Promise<string | null> {
  const end = sealed.indexOf('\n')
  if (end === -1) return null
  const text = sealed.slice(end + 1)
  for (const each of sealed.slice(0, end).split(' ', SEALS_MAX)) {
    const equals = each.indexOf('=')
    const key = keys.find(({ keyId }) => keyId === each.slice(0, equals))
    const mac = key === undefined ? null : bytesOf(each.slice(equals + 1))
    if (key === undefined || mac === null) continue
    const cryptoKey = await cryptoKeyOf(key)
    if (await crypto.subtle.verify('HMAC', cryptoKey, mac, sealedBytes(text, place))) return text
  }
  return null
}

function sealedBytes(text: string, place: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(`${PURPOSE}\n${place}\n${text}`)
  // Node's types do not say so, but an encoder never writes into shared memory.
  return bytes as Uint8Array<ArrayBuffer>
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  } catch {
    return null
  }
}

function cryptoKeyOf({ secret }: SealKey): Promise<CryptoKey> {
  const known = cryptoKeys.get(secret)
  if (known !== undefined) return known
  const made = crypto.subtle.importKey('raw', secret, ALGORITHM, false, ['sign', 'verify'])
  cryptoKeys.set(secret, made)
  return made
}
