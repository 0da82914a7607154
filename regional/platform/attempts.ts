/**
 * The second line of the limits on what is tried with an account: one count for all edges and addresses, where those may
 * each be one of many. A process's own, so that many processes allow as many times as much.
 */
import { createHash } from 'node:crypto'
import { LIMIT_POLICIES, type LimitPolicyName } from '../../shared/limits/policies.ts'
import { TokenBuckets } from '../../shared/limits/token-buckets.ts'
import { Problem } from '../../shared/problems.ts'

/** More than are tried within any policy's window, unless somebody means to be forgotten. */
const ACCOUNTS_MAX = 100_000

export class Attempts {
  readonly #buckets = new Map<LimitPolicyName, TokenBuckets>()

  /**
   * Counts one try, whether the account exists or not; to be called before anything is looked up or compared.
   *
   * @param account the one form of its name: an address as it is stored, or an id. Only a digest of it is kept.
   * @throws {Problem} `limit.exceeded`, with the seconds until the next try.
   */
  take(policy: LimitPolicyName, account: string, nowMs: number): void {
    const key = createHash('sha256').update(account).digest('base64')
    const { allowed, nextSeconds } = this.#bucketsOf(policy).take(key, nowMs)
    if (!allowed) throw new Problem('limit.exceeded', { retryAfterSeconds: nextSeconds })
  }

  #bucketsOf(policy: LimitPolicyName): TokenBuckets {
    const known = this.#buckets.get(policy)
    if (known !== undefined) return known
    const { quota, windowSeconds } = LIMIT_POLICIES[policy].account
    const rule = { burst: quota, refillMs: (windowSeconds * 1_000) / quota }
    const made = new TokenBuckets(rule, ACCOUNTS_MAX)
    this.#buckets.set(policy, made)
    return made
  }
}
