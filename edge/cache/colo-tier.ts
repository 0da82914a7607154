/** The colo's tier: the Cache API, shared by the isolates of one data centre. */
import type { ColoTier } from '../../shared/freshness/cached-reads.ts'
import { ENTRY_FORMAT, ENTRY_HEADERS, fromStored, toStored } from '../../shared/freshness/entry.ts'
import { seal, unseal } from '../../shared/signing/seal.ts'
import type { Cell } from '../config.ts'

/** Who wrote the entry: all that is read of it, bound to its address. */
const SEAL_HEADER = 'tradewind-seal'

const decoder = new TextDecoder()

/**
 * Whatever else can write to this cache could otherwise make an entry pass every test of freshness, by its stamp or its
 * tags. So an entry is sealed by the edge that stores it, and one without its seal is absent.
 *
 * @param cell whose answers these are, and whose secret seals them.
 * @param environment part of every key, so that deployments that share a zone do not share entries.
 */
export function coloTier(cache: Cache, cell: Cell, environment: string): ColoTier {
  const addressOf = (key: string) => `https://cache.tradewind/${ENTRY_FORMAT}/${environment}${key}`
  return {
    get: async (key) => {
      const address = addressOf(key)
      const stored = await cache.match(address).catch(() => undefined)
      const bytes = await stored?.arrayBuffer().catch(() => null)
      if (stored === undefined || !bytes) return null
      const { headers } = stored
      const body = new Uint8Array(bytes)
      const sealed = `${headers.get(SEAL_HEADER)}\n${sealedText(headers, body)}`
      if ((await unseal(sealed, address, [cell])) === null) return null
      return fromStored({ headers, body }, Date.now())
    },
    set: async (key, entry, seconds) => {
      const address = addressOf(key)
      const stored = toStored(entry, { seconds, nowMs: Date.now() })
      if (stored === null) return
      const sealed = await seal(sealedText(stored.headers, entry.body), address, [cell])
      stored.headers.set(SEAL_HEADER, sealed.slice(0, sealed.indexOf('\n')))
      await cache.put(address, stored).catch(() => undefined)
    },
  }
}

function sealedText(headers: Headers, body: Uint8Array): string {
  const lines = ENTRY_HEADERS.map((name) => headers.get(name) ?? '')
  return `${lines.join('\n')}\n${decoder.decode(body)}`
}
