/**
 * What the edge and the client must know of an endpoint at run time: its contract without the schemas, so that
 * neither carries a validator. `facts.generated.ts` holds them; `npm run generate` writes it from the contracts.
 */
import type { Access, Cached, Endpoint, Forward, Limit, Method } from './endpoint.ts'

export interface EndpointFacts {
  /** `catalog.getProduct`: the operation's id everywhere. */
  readonly id: string
  readonly method: Method
  /** Path template with `{name}` parameters, each one whole segment. */
  readonly path: string
  readonly access: Access
  readonly serve: Cached | Forward
  readonly limit?: Limit
  /** The status of success. */
  readonly status: 200 | 201
  /** The declared query parameters, sorted: anything else a caller sends is dropped. */
  readonly query: readonly string[]
}

export function factsOf(id: string, endpoint: Endpoint): EndpointFacts {
  const { method, path, access, serve, limit, status, request } = endpoint
  const query = Object.keys(request.query?.shape ?? {}).sort()
  return { id, method, path, access, serve, ...(limit && { limit }), status, query }
}
