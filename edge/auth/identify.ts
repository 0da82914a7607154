/**
 * Step 2: who asks. A bearer token is verified by the keys and the feed of the cell that issued it; without one the
 * caller is a guest.
 *
 * The cell is chosen by `iss`, the key by `kid`, and both among those that are configured and published: nothing in the
 * token can bring a key.
 */
import { readToken } from '../../shared/auth/token-form.ts'
import {
  bearerToken,
  type HomeAnswer,
  type TokenRefusal,
  TokenVerifier,
} from '../../shared/auth/token-verifier.ts'
import { answerPlace } from '../../shared/freshness/feed.ts'
import { FeedFollower, type WaitUntil } from '../../shared/freshness/follower.ts'
import { parsePosition } from '../../shared/freshness/position.ts'
import { HEADERS } from '../../shared/headers.ts'
import { GUEST, issuerOf, type Principal, type Standing } from '../../shared/principal.ts'
import { unseal } from '../../shared/signing/seal.ts'
import { cellFeed } from '../cache/feed-source.ts'
import type { Cell, EdgeConfig } from '../config.ts'
import { fetchSigned } from '../forward/fetch-signed.ts'
import { fetchKeys, PublishedKeys } from './published-keys.ts'

export type Identified =
  | { ok: true; principal: Principal }
  | { ok: false; reason: TokenRefusal | 'keys_unavailable' }

/** A token and what is remembered of it are at most 5 KB. */
const REMEMBERED_MAX = 4_000
const KEYS_TIMEOUT_MS = 3_000
const HOME_TIMEOUT_MS = 2_000

const AS_GUEST: Identified = { ok: true, principal: GUEST }

export class Identities {
  readonly #issuers: ReadonlyMap<unknown, TokenVerifier>

  constructor(config: EdgeConfig, cache: Cache) {
    this.#issuers = new Map(
      [...config.cells.values()].map((cell) => [
        issuerOf(cell.name),
        verifierOf(cell, config, cache),
      ]),
    )
  }

  get remembered(): number {
    return [...this.#issuers.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** Without waiting, for a guest or a token verified before; `null` when it must be verified. */
  known(authorization: string | null, nowMs: number, waitUntil: WaitUntil): Identified | null {
    if (authorization === null) return AS_GUEST
    // As our client writes it: anything else is read with more care.
    if (!authorization.startsWith('Bearer ')) return null
    const token = authorization.slice(7)
    for (const verifier of this.#issuers.values()) {
      const known = verifier.known(token, nowMs, waitUntil)
      if (known !== null) return known
    }
    return null
  }

  async identify(authorization: string, nowMs: number, waitUntil: WaitUntil): Promise<Identified> {
    const token = bearerToken(authorization)
    const form = token === null ? null : readToken(token)
    if (token === null || form === null) return { ok: false, reason: 'malformed' }
    const verifier = this.#issuers.get(form.claims.iss)
    if (verifier === undefined) return { ok: false, reason: 'unknown_issuer' }
    return await verifier.verify(token, nowMs, waitUntil, form)
  }
}

function verifierOf(cell: Cell, config: EdgeConfig, cache: Cache): TokenVerifier {
  const now = () => Date.now()
  return new TokenVerifier({
    cell: cell.name,
    keys: new PublishedKeys({ fetch: () => fetchKeys(cell.url, KEYS_TIMEOUT_MS), now }).verify,
    follower: new FeedFollower({
      source: cellFeed(cell, cache, { ...config, feed: 'cell' }),
      now,
    }),
    askHome: ({ session, standing }) => askHome(cell, session, standing),
    rememberedMax: REMEMBERED_MAX,
  })
}

/** Sealed for this question alone, like an answer of the feed. */
async function askHome(cell: Cell, session: string, standing: Standing): Promise<HomeAnswer> {
  const question = crypto.randomUUID()
  const { tags, stamp, history } = standing
  const asked = new URLSearchParams({ session, stamp: `cell=${stamp};h=${history}` })
  for (const tag of tags) asked.append('tag', tag)
  const response = await fetchSigned(cell, {
    method: 'GET',
    path: `/internal/session?${asked}`,
    headers: new Headers({ [HEADERS.question]: question }),
    timeoutMs: HOME_TIMEOUT_MS,
  })
  const sealed = response.ok ? await response.text() : ''
  const answer = await unseal(sealed, answerPlace(question), [cell])
  if (answer === 'ended') return 'ended'
  const position = parsePosition(answer, 'cell')
  if (position === null) throw new Error('the cell answered with no usable state')
  return position
}
