/** The edge as it is, but for a memory that holds the markets alone: every product comes out of the colo's cache. */
import { createEdge } from '../../../edge/app.ts'
import { Identities } from '../../../edge/auth/identify.ts'
import { openReads } from '../../../edge/cache/open-reads.ts'
import { type Bindings, type EdgeConfig, readEdgeConfig } from '../../../edge/config.ts'
import type { Entry } from '../../../shared/freshness/entry.ts'
import { MemoryTier } from '../../../shared/freshness/memory-tier.ts'

class MarketsAlone extends MemoryTier {
  override set(key: string, entry: Entry): void {
    if (key === '/v1/markets') super.set(key, entry)
  }
}

let edge: ReturnType<typeof createEdge> | undefined

export default {
  fetch(request, env, context) {
    edge ??= start(readEdgeConfig(env))
    return edge.fetch(request, env, context)
  },
} satisfies ExportedHandler<Bindings>

function start(config: EdgeConfig): ReturnType<typeof createEdge> {
  return createEdge(
    config,
    openReads(config, caches.default, new MarketsAlone()),
    new Identities(config, caches.default),
  )
}
