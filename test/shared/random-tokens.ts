/** Tokens by chance, the same for the same seed: noise, a good token changed a little, and anything in the form of one. */
import { type Random, randomFrom } from '../consistency/random.ts'
import { type Forge, segment } from './token-forge.ts'

const SEGMENT = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const TEXT = `${SEGMENT}.=+/ {}[]":,\\`
const NAMES = [
  'alg',
  'kid',
  'typ',
  'iss',
  'aud',
  'sub',
  'sid',
  'exp',
  'iat',
  'nbf',
  'role',
  'scope',
]
const ODD_NAMES = [
  'crit',
  'jwk',
  'jku',
  'x5c',
  'b64',
  'position',
  'group',
  '__proto__',
  'toJSON',
  '',
]
const LENGTH_MAX = 400
const CHANGES_MAX = 4
const DEPTH_MAX = 4

/** So many, none of them good; each can be sent in a header. */
export function randomTokens(forge: Forge, seed: number, count: number): string[] {
  const random = randomFrom(seed)
  const tokens: string[] = []
  while (tokens.length < count) {
    const token = random.pick(MAKERS)(forge, random)
    if (token !== forge.good && token.trim() !== '') tokens.push(token)
  }
  return tokens
}

const MAKERS = [noise, almostInForm, changed, changed, inForm, underAnotherKey]

/** Any byte that a header may hold (RFC 9110 §5.5). */
function noise(_: Forge, random: Random): string {
  const bytes = Array.from({ length: 1 + random.below(LENGTH_MAX) }, () => {
    const byte = random.below(256)
    return byte < 32 || byte === 127 ? 9 : byte
  })
  return String.fromCharCode(...bytes)
}

function almostInForm(_: Forge, random: Random): string {
  return Array.from({ length: random.below(6) }, () => textOf(random, SEGMENT)).join('.')
}

/** The good one with characters changed, put in, left out, or moved. */
function changed({ good }: Forge, random: Random): string {
  let token = good
  for (let change = random.below(CHANGES_MAX); change >= 0; change -= 1) {
    const at = random.below(token.length)
    const one = random.pick([...TEXT])
    const [before, after] = [token.slice(0, at), token.slice(at)]
    token = random.pick([
      before + one + after.slice(1),
      before + one + after,
      before + after.slice(1),
      after + before,
      before,
      before + after.toUpperCase(),
    ])
  }
  return token
}

/** Three segments of any JSON, some of it as it should be. */
function inForm({ header, claims }: Forge, random: Random): string {
  const some = (good: object) =>
    Object.fromEntries(
      Object.entries({ ...good, ...objectOf(random, 0) }).filter(() => random.chance(0.8)),
    )
  return `${segment(some(header))}.${segment(some(claims))}.${signatureOf(random)}`
}

/** All as it should be, but for a key that nobody has published. */
function underAnotherKey({ header, claims }: Forge, random: Random): string {
  const kid = random.chance(0.5) ? header.kid : textOf(random, SEGMENT).slice(0, 60)
  return `${segment({ ...header, kid })}.${segment(claims)}.${signatureOf(random)}`
}

/** Sixty-four bytes, so that nothing but the signature is wrong. */
function signatureOf(random: Random): string {
  return Buffer.from(Array.from({ length: 64 }, () => random.below(256))).toString('base64url')
}

function textOf(random: Random, alphabet: string): string {
  return Array.from({ length: 1 + random.below(40) }, () => random.pick([...alphabet])).join('')
}

function objectOf(random: Random, depth: number): Record<string, unknown> {
  const names = Array.from({ length: random.below(5) }, () =>
    random.chance(0.7) ? random.pick(NAMES) : random.pick(ODD_NAMES),
  )
  return Object.fromEntries(names.map((name) => [name, anyOf(random, depth)]))
}

function anyOf(random: Random, depth: number): unknown {
  const kind = random.below(depth < DEPTH_MAX ? 8 : 6)
  if (kind < 2) return textOf(random, TEXT)
  if (kind === 2) return random.below(2 ** 32) * random.pick([1, -1, 0.1, 1e300])
  if (kind === 3) return random.chance(0.5)
  if (kind === 4) return null
  if (kind === 5) return random.pick(['none', 'EdDSA', 'at+jwt', 'tradewind', 'staff', '\u0000'])
  return kind === 6
    ? objectOf(random, depth + 1)
    : Array.from({ length: random.below(4) }, () => anyOf(random, depth + 1))
}
