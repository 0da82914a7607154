/** Verifies access tokens again in the cell: nobody is trusted for being inside. */
import { bearerToken, TokenVerifier } from '../../shared/auth/token-verifier.ts'
import { FeedFollower } from '../../shared/freshness/follower.ts'
import { GUEST, type Principal } from '../../shared/principal.ts'
import { Problem } from '../../shared/problems.ts'
import type { Database } from './database.ts'
import { primaryFeed } from './feed.ts'
import { standingOf } from './sessions.ts'
import type { SigningKeys } from './signing-keys.ts'

const REMEMBERED_MAX = 10_000

/** @param feed follows what ends tokens, and is asked for what that does not tell. */
export function cellTokens(cell: string, keys: SigningKeys, feed: Database): TokenVerifier {
  return new TokenVerifier({
    cell,
    keys: keys.verify,
    follower: new FeedFollower({
      source: primaryFeed(feed, 'cell'),
      now: () => performance.now(),
    }),
    askHome: (asked) => standingOf(feed, asked),
    rememberedMax: REMEMBERED_MAX,
  })
}

/** @throws {Problem} `token.refused`, the same for every reason. */
export async function principalOf(
  tokens: TokenVerifier,
  authorization: string | null | undefined,
  now: Date,
): Promise<Principal> {
  if (!authorization) return GUEST
  const token = bearerToken(authorization)
  if (token === null) throw new Problem('token.refused')
  const nowMs = now.getTime()
  const verified =
    tokens.known(token, nowMs, inBackground) ?? (await tokens.verify(token, nowMs, inBackground))
  if (verified.ok) return verified.principal
  const code = verified.reason === 'keys_unavailable' ? 'cell.unavailable' : 'token.refused'
  const cause = Object.assign(new Error('a token is refused'), { code: verified.reason })
  throw new Problem(code, { cause })
}

/** A follower counts its failures itself. */
function inBackground(work: Promise<unknown>): void {
  work.catch(() => {})
}
