/**
 * The typed client, for browsers and Node: `createClient({ baseUrl }).catalog.getProduct({ params: { handle } })`.
 *
 * It carries the position from answer to request, makes idempotency keys and keeps them over its repeats, repeats what
 * is safe to repeat, and throws `ProblemError` for a problem. Types come from the contracts; no schema is bundled.
 */
import type { CallOf, Endpoint, ResponseOf } from '../contracts/endpoint.ts'
import { facts } from '../contracts/facts.generated.ts'
import type { Contracts } from '../contracts/index.ts'
import { type CallOptions, type ClientOptions, Exchange } from './exchange.ts'
import { PositionMemory } from './position-memory.ts'
import type { CallParts } from './request-of.ts'

type Declared<C> = { [K in keyof C as [C[K]] extends [undefined] ? never : K]: C[K] }
type Optional<C> = { [K in keyof C as object extends C[K] ? K : never]?: C[K] }
type Needed<C> = { [K in keyof C as object extends C[K] ? never : K]: C[K] }
type PartsOf<E extends Endpoint> = Optional<Declared<CallOf<E>>> & Needed<Declared<CallOf<E>>>
type Operation<E extends Endpoint> =
  object extends PartsOf<E>
    ? (call?: PartsOf<E> & CallOptions) => Promise<ResponseOf<E>>
    : (call: PartsOf<E> & CallOptions) => Promise<ResponseOf<E>>
type Operations<M> = { readonly [K in keyof M]: M[K] extends Endpoint ? Operation<M[K]> : never }

export type { CallOptions, ClientOptions, ResponseMeta } from './exchange.ts'
export { Session, type SessionTokens } from './session.ts'

export type Client = { readonly [M in keyof Contracts]: Operations<Contracts[M]> } & {
  /** The newest change this client has seen or made; `null` before the first. */
  readonly position: string | null
}

export function createClient(options: ClientOptions): Client {
  const memory = new PositionMemory(options.position)
  const modules: Record<string, Record<string, unknown>> = {}
  for (const fact of facts) {
    const [module, name] = fact.id.split('.') as [string, string]
    modules[module] ??= {}
    modules[module][name] = (call: CallParts & CallOptions = {}) =>
      new Exchange(options, fact, call, memory).run()
  }
  Object.defineProperty(modules, 'position', { get: () => memory.value, enumerable: true })
  return modules as unknown as Client
}
