/** The edge as it is, but for its tokens, which it takes on trust: whoever shows one is one customer. */
import { createEdge } from '../../../edge/app.ts'
import { type Identified, Identities } from '../../../edge/auth/identify.ts'
import { openReads } from '../../../edge/cache/open-reads.ts'
import { type Bindings, type EdgeConfig, readEdgeConfig } from '../../../edge/config.ts'

const CUSTOMER: Identified = {
  ok: true,
  principal: { kind: 'customer', id: 'cus_bench', cell: 'eu', session: 'ses_bench', group: null },
}

class Trusting extends Identities {
  override known(authorization: string | null): Identified {
    return authorization === null ? super.known(null, 0, () => {})! : CUSTOMER
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
  const cache = caches.default
  return createEdge(config, openReads(config, cache), new Trusting(config, cache))
}
