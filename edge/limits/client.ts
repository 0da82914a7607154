/** Step 4: who is asking, by address, and what one client may make this isolate do beyond answering. */
import type { BucketRule } from '../../shared/limits/token-buckets.ts'

/** Polls that a client's positions force. A shopper who writes forces one a write. */
export const FORCED_POLLS: BucketRule = { burst: 20, refillMs: 500 }

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
