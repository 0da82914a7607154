/** The verifier that edge and cell have, before a quiet feed, with keys of a test's own. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createLocalJWKSet, type JWK } from 'jose'
import { bearerToken, TokenVerifier, type Verified } from '../../shared/auth/token-verifier.ts'
import type { Batch } from '../../shared/freshness/feed.ts'
import { FeedFollower } from '../../shared/freshness/follower.ts'
import { type Forge, forgeOf, segment, signature } from './token-forge.ts'

const NOW_MS = Date.UTC(2026, 10, 1, 12)
const seconds = NOW_MS / 1_000
const HEADER = { kid: 'Key-1', typ: 'at+jwt' }
const CLAIMS = {
  iss: 'tradewind:eu',
  aud: 'tradewind',
  sub: 'stf_1',
  sid: 'ses_1',
  position: 'cell=10;h=h1',
  role: 'staff',
  scope: 'catalogue:write',
  iat: seconds,
  exp: seconds + 600,
}
const EMPTY: Batch = {
  feed: 'cell',
  incarnation: { history: 'h1', copy: 'c1' },
  from: 10,
  to: 10,
  changes: [],
  retainedFrom: 0,
  cut: false,
}

export function verifierOf(keys: JWK[]): TokenVerifier {
  return new TokenVerifier({
    cell: 'eu',
    keys: createLocalJWKSet({ keys }),
    follower: new FeedFollower({
      source: { direct: async () => EMPTY, shared: async () => ({ batch: EMPTY, ageMs: 0 }) },
      now: () => NOW_MS,
    }),
    askHome: async () => 'ended',
    rememberedMax: 10,
  })
}

/** As edge and cell read it out of the header. */
export async function verified(tokens: TokenVerifier, authorization: string): Promise<Verified> {
  const token = bearerToken(authorization)
  if (token === null) return { ok: false, reason: 'malformed' }
  return await tokens.verify(token, NOW_MS, () => {})
}

/** A key by the algorithm that it signs with. */
export const newKey: Record<string, () => KeyObject> = {
  EdDSA: () => generateKeyPairSync('ed25519').privateKey,
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
}

/** Of a new key, and a good token under it. */
export function newForge(alg = 'EdDSA'): Forge {
  const key = newKey[alg]!()
  const input = `${segment({ alg, ...HEADER })}.${segment(CLAIMS)}`
  return forgeOf(`${input}.${signature(input, key).toString('base64url')}`, key)
}
