/**
 * Binds contracts to handlers. A missing handler is a type error; the platform does what is the same for all:
 * validate, assert access, run, and answer with the position of what was committed.
 */
import type { TokenVerifier } from '../../shared/auth/token-verifier.ts'
import type { Endpoint, RequestOf, ResponseOf } from '../../shared/contracts/endpoint.ts'
import { allEndpoints } from '../../shared/contracts/index.ts'
import type { Position } from '../../shared/freshness/position.ts'
import type { Principal } from '../../shared/principal.ts'
import type { Problem } from '../../shared/problems.ts'
import type { Config } from '../config.ts'
import type { Clock } from './clock.ts'
import type { Database, Runner, Tx } from './database.ts'
import type { IdempotencyRecord } from './idempotency.ts'
import type { Logger } from './log.ts'
import type { Mailer } from './mailer.ts'
import type { PasswordHasher } from './passwords.ts'
import type { Shield } from './shield.ts'
import type { SigningKeys } from './signing-keys.ts'
import type { Snapshots } from './snapshots.ts'

/** What every module is given; nothing else is global. */
export interface Services {
  readonly db: Database
  /** The same primary, for the feed alone. */
  readonly feed: Database
  readonly clock: Clock
  readonly log: Logger
  readonly config: Config
  readonly shield: Shield
  readonly mailer: Mailer
  readonly keys: SigningKeys
  /** Verifies access tokens again, by the cell's own keys and feed. */
  readonly tokens: TokenVerifier
  readonly passwords: PasswordHasher
  /** Closes the pools when what runs on them has ended. */
  close(): Promise<void>
}

/** Who asks, as the cell verified it. */
export interface Actor {
  readonly principal: Principal
  /** The cart secret presented, not yet compared with any cart. */
  readonly cartSecret: string | null
  readonly requestId: string
}

/** A cacheable answer as the cell's statement saw it: a document, or a negative answer that is cached alike. */
export type Snapshot = {
  readonly stamp: Position
  readonly tags: readonly string[]
  /** Where a schedule bounds the answer's life: how many seconds from its statement it holds at most. */
  readonly lifeSeconds?: number
} & ({ readonly body: string; readonly etag: string } | { readonly problem: Problem })

/**
 * A verified request, read apart. What a hit does not need is read when it is called for; as functions, because a getter
 * in an object literal costs a hidden class an object, which lives until the next full garbage collection.
 */
export interface Incoming extends HandlerContext {
  /** All that a cached answer depends on. */
  readonly key: string
  readonly path: string
  readonly params: () => Record<string, string>
  readonly query: () => URLSearchParams
  readonly body: Uint8Array
  readonly header: (name: string) => string | null | undefined
}

interface HandlerContext {
  readonly actor: Actor
  /** What the edge decided from country and language; a contract's own fields override it. */
  readonly market: string | null
  readonly locale: string | null
  /** The customer group that prices are for, by the edge's word on cached reads and the token's on others. */
  readonly group: string | null
  /** What the client says of itself, by the edge's word. */
  readonly userAgent: string | null
}

/** Transactions of one request: what they commit becomes the answer's position. */
export interface RequestDb extends Runner {
  inTransaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
}

interface CreatingContext {
  readonly idempotency: IdempotencyRecord
  /**
   * Runs the effect in one transaction with its idempotency record; the second copy gets the stored value.
   *
   * @param guard runs before a stored value is given again, and refuses whoever may not see it.
   */
  once<T>(work: (tx: Tx) => Promise<T>, guard?: (tx: Tx) => Promise<unknown>): Promise<T>
}

/** A cached read sees snapshots and nothing else; what a forward does is its own. */
type ContextOf<E extends Endpoint> = HandlerContext &
  RequestOf<E> &
  (E['serve'] extends { kind: 'cached' }
    ? { readonly snapshots: Snapshots }
    : { readonly db: RequestDb }) &
  (E['serve'] extends { creates: true } ? CreatingContext : unknown)

export type HandlerOf<E extends Endpoint> = (
  context: ContextOf<E>,
) => Promise<E['serve'] extends { kind: 'cached' } ? Snapshot : ResponseOf<E>>

export type HandlersOf<M> = { [K in keyof M]: M[K] extends Endpoint ? HandlerOf<M[K]> : never }

/** One contract with its handler, untyped from here on: the types were checked by `implement`. */
export interface Route {
  /** `catalog.getProduct`: the contract's id everywhere. */
  readonly id: string
  readonly name: string
  readonly endpoint: Endpoint
  readonly handler: (context: never) => Promise<unknown>
}

export type Implementation = (services: Services) => Route[]

const ids = new Map(allEndpoints().map(({ id, endpoint }) => [endpoint, id]))

export function implement<M extends object>(
  endpoints: M,
  handlers: (services: Services) => HandlersOf<M>,
): Implementation {
  return (services) => {
    const bound = handlers(services) as Record<string, Route['handler']>
    return Object.entries(endpoints as Record<string, Endpoint>).map(([name, endpoint]) => ({
      id: ids.get(endpoint) ?? name,
      name,
      endpoint,
      handler: bound[name]!,
    }))
  }
}

/** A fact that a module consumes. Runs at least once an event, so it must be idempotent by the event's id. */
export interface Reaction {
  /** Unique; the name of its queue. */
  readonly name: string
  readonly on: string
  /** True when it asks a vendor, who may be slow or away for hours: few events at a time, retried for a day. */
  readonly asksVendor?: boolean
  /** @throws {FinalFailure} for an event that no repeat would help. */
  run(services: Services, event: StoredEvent): Promise<void>
}

/** Sends an event to the dead letters at once. Its code is logged, and its message is not. */
export class FinalFailure extends Error {
  readonly code: string

  constructor(code: string, options: { cause: unknown }) {
    super(code, options)
    this.code = code
  }
}

export interface StoredEvent {
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly payload: Record<string, unknown>
}

/** Work that recurs, whoever asks. At most one runs at a time in a cell. */
export interface Job {
  readonly name: string
  readonly everySeconds: number
  run(services: Services): Promise<void>
}

/** All that a module offers the application. */
export interface Module {
  readonly name: string
  readonly routes: Implementation
  readonly reactions: readonly Reaction[]
  readonly jobs: readonly Job[]
}
