/** The colo's tier: the Cache API, shared by the isolates of one data centre. */
import type { ColoTier } from '../../shared/freshness/cached-reads.ts'
import { ENTRY_FORMAT, fromStored, toStored } from '../../shared/freshness/entry.ts'

/**
 * @param environment part of every key, so that deployments that share a zone do not share entries.
 */
export function coloTier(cache: Cache, environment: string): ColoTier {
  const addressOf = (key: string) => `https://cache.tradewind/${ENTRY_FORMAT}/${environment}${key}`
  return {
    get: async (key) => {
      const stored = await cache.match(addressOf(key)).catch(() => undefined)
      return stored === undefined ? null : await fromStored(stored, Date.now()).catch(() => null)
    },
    set: async (key, entry, seconds) => {
      const stored = toStored(entry, { seconds, nowMs: Date.now() })
      if (stored !== null) await cache.put(addressOf(key), stored).catch(() => undefined)
    },
  }
}
