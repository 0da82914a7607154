/** The Worker: reads its configuration once an isolate and hands every request to the edge. */
import { createEdge } from './app.ts'
import { Identities } from './auth/identify.ts'
import { openReads } from './cache/open-reads.ts'
import { type Bindings, type EdgeConfig, readEdgeConfig } from './config.ts'

let edge: ReturnType<typeof createEdge> | undefined

export default {
  fetch(request, env, context) {
    edge ??= start(readEdgeConfig(env))
    return edge.fetch(request, env, context)
  },
} satisfies ExportedHandler<Bindings>

function start(config: EdgeConfig): ReturnType<typeof createEdge> {
  const cache = caches.default
  return createEdge(config, openReads(config, cache), new Identities(config, cache))
}
