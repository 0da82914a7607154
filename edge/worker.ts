/** The Worker: reads its configuration once an isolate and hands every request to the edge. */
import { createEdge } from './app.ts'
import { type Bindings, readEdgeConfig } from './config.ts'

let edge: ReturnType<typeof createEdge> | undefined

export default {
  fetch(request, env, context) {
    edge ??= createEdge(readEdgeConfig(env), caches.default)
    return edge.fetch(request, env, context)
  },
} satisfies ExportedHandler<Bindings>
