/**
 * Step 4: how often what a contract limits may be tried: by address, before its body is read, and then by the account that
 * its body names. The edge does not know which accounts exist, so it answers the same for those that do not.
 */
import type { Limit } from '../../shared/contracts/endpoint.ts'
import { accountIn } from '../../shared/limits/account.ts'
import {
  LIMIT_POLICIES,
  type LimitPolicyName,
  type LimitRule,
} from '../../shared/limits/policies.ts'
import { type Taken, TokenBuckets } from '../../shared/limits/token-buckets.ts'
import { Problem } from '../../shared/problems.ts'

interface PolicyBuckets {
  readonly address: TokenBuckets
  readonly account: TokenBuckets
}

/** The buckets of one isolate. */
export class AttemptLimits {
  readonly #buckets = new Map<LimitPolicyName, PolicyBuckets>()

  /** One request under a limit, of which nothing is taken yet. */
  attempt(limit: Limit, address: string): Attempt {
    return new Attempt({ limit, address, buckets: this.#bucketsOf(limit.policy) })
  }

  #bucketsOf(policy: LimitPolicyName): PolicyBuckets {
    const known = this.#buckets.get(policy)
    if (known !== undefined) return known
    const { address, account } = LIMIT_POLICIES[policy]
    const made = { address: bucketsOf(address), account: bucketsOf(account) }
    this.#buckets.set(policy, made)
    return made
  }
}

function bucketsOf({ quota, windowSeconds }: LimitRule): TokenBuckets {
  return new TokenBuckets({ burst: quota, refillMs: (windowSeconds * 1_000) / quota })
}

export class Attempt {
  readonly #limit: Limit
  readonly #address: string
  readonly #buckets: PolicyBuckets
  /** The bucket asked so far that has the least left. */
  #nearest: { name: string; taken: Taken } | null = null

  constructor(from: { limit: Limit; address: string; buckets: PolicyBuckets }) {
    this.#limit = from.limit
    this.#address = from.address
    this.#buckets = from.buckets
  }

  /** @throws {Problem} `limit.exceeded`. */
  takeOfAddress(nowMs: number): void {
    this.#take(addressPolicyOf(this.#limit), this.#buckets.address.take(this.#address, nowMs))
  }

  /**
   * A body that names no account is let through: only its address counts, and the cell refuses it.
   *
   * @throws {Problem} `limit.exceeded`.
   */
  async takeOfAccount(body: Uint8Array<ArrayBuffer>, nowMs: number): Promise<void> {
    const { account: member, policy } = this.#limit
    const named = member === undefined ? undefined : memberOf(body, member)
    if (member === undefined || named === undefined) return
    const key = await digestOf(accountIn(member, named))
    this.#take(policy, this.#buckets.account.take(key, nowMs))
  }

  /** Says on an answer what is left (draft-ietf-httpapi-ratelimit-headers), whoever refused it. */
  label({ status, headers }: Response): void {
    if (this.#nearest === null) return
    const { name, taken } = this.#nearest
    // The cell counts for all of its edges, and may refuse what is still allowed here.
    const isCells = status === 429 && taken.allowed
    const item = isCells
      ? `"${this.#limit.policy}";r=0;t=${headers.get('retry-after') ?? taken.nextSeconds}`
      : `"${name}";r=${taken.remaining};t=${taken.nextSeconds}`
    headers.set('ratelimit', item)
    headers.set('ratelimit-policy', policyHeader(this.#limit))
  }

  #take(name: string, taken: Taken): void {
    if (this.#nearest === null || !taken.allowed || isLess(taken, this.#nearest.taken)) {
      this.#nearest = { name, taken }
    }
    if (taken.allowed) return
    throw new Problem('limit.exceeded', { retryAfterSeconds: taken.nextSeconds })
  }
}

function isLess(one: Taken, other: Taken): boolean {
  if (one.remaining !== other.remaining) return one.remaining < other.remaining
  return one.nextSeconds > other.nextSeconds
}

function addressPolicyOf({ policy }: Limit): string {
  return `${policy}-address`
}

function policyHeader(limit: Limit): string {
  const { address, account } = LIMIT_POLICIES[limit.policy]
  const ofAddress = policyItem(addressPolicyOf(limit), address)
  return limit.account === undefined
    ? ofAddress
    : `${policyItem(limit.policy, account)}, ${ofAddress}`
}

function policyItem(name: string, { quota, windowSeconds }: LimitRule): string {
  return `"${name}";q=${quota};w=${windowSeconds}`
}

/** More lenient than the cell, so that whatever the cell can read is counted here. */
const decoder = new TextDecoder()

function memberOf(body: Uint8Array, member: string): string | undefined {
  try {
    const value: unknown = JSON.parse(decoder.decode(body))
    const named = (value as Record<string, unknown> | null)?.[member]
    return typeof named === 'string' ? named : undefined
  } catch {
    return undefined
  }
}

const encoder = new TextEncoder()

/** What is remembered of an account is not whose it is. */
async function digestOf(account: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', encoder.encode(account))
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
}
