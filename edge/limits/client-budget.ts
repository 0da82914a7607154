/** Step 4: what one client may make this isolate do beyond answering: a token bucket each, bounded in number. */

export interface BudgetRule {
  /** Tokens a client starts with and at most holds. */
  readonly burst: number
  readonly perSecond: number
}

/** Polls that a client's positions force. A shopper who writes forces one a write. */
export const FORCED_POLLS: BudgetRule = { burst: 20, perSecond: 2 }
const CLIENTS_MAX = 10_000

export class ClientBudget {
  readonly #rule: BudgetRule
  readonly #clients = new Map<string, { tokens: number; atMs: number }>()

  constructor(rule: BudgetRule) {
    this.#rule = rule
  }

  /** Takes one token; false when the client has none left. */
  take(client: string, nowMs: number): boolean {
    const { burst, perSecond } = this.#rule
    const known = this.#clients.get(client)
    const refilled = known && known.tokens + ((nowMs - known.atMs) / 1_000) * perSecond
    const tokens = Math.min(burst, refilled ?? burst)
    this.#clients.delete(client)
    if (this.#clients.size >= CLIENTS_MAX) {
      const [oldest] = this.#clients.keys()
      this.#clients.delete(oldest!)
    }
    const allowed = tokens >= 1
    this.#clients.set(client, { tokens: allowed ? tokens - 1 : tokens, atMs: nowMs })
    return allowed
  }
}

/**
 * The address Cloudflare saw; the edge never trusts a forwarded-for that a client could write. Of an IPv6 address only the
 * network (RFC 4291 §2.5.1): one household has all the addresses in it.
 */
export function clientOf(request: Request): string {
  const address = request.headers.get('cf-connecting-ip') ?? 'unknown'
  const isIpv6 = address.includes(':') && !address.includes('.')
  return isIpv6 ? networkOf(address) : address
}

const GROUPS = 8
const NETWORK_GROUPS = 4

/** The first 64 bits, whatever zeros were left out (RFC 5952 §4.2). */
function networkOf(address: string): string {
  const [head, tail] = address.split('::', 2).map((part) => part.split(':')) as [
    string[],
    string[] | undefined,
  ]
  const zeros = tail === undefined ? 0 : Math.max(0, GROUPS - head.length - tail.length)
  const groups = [...head, ...Array.from({ length: zeros }, () => '0'), ...(tail ?? [])]
  return groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => group || '0')
    .join(':')
}
