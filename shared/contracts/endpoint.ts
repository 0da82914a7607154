/** The vocabulary in which every endpoint is declared once: see `docs/contracts.md`. */
import type { z } from 'zod'
import type { LimitPolicyName } from '../limits/policies.ts'
import type { Scope } from '../principal.ts'
import type { ProblemCode } from '../problems.ts'

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

/**
 * Who may call. `public`: anyone. `holder`: the customer whose cart it is, whoever presents its secret, or staff that may
 * read carts. `account`: whoever is signed in. `customer`, `staff`: who is signed in as one. `staff:<scope>`: staff whose
 * token carries the scope, in some channel; the verb asserts it again, in that of what it touches.
 */
export type Access = 'public' | 'holder' | 'account' | 'customer' | 'staff' | `staff:${Scope}`

/**
 * What a cached answer differs by, beside its own path and declared query. Market and locale may be named by the
 * caller; the customer group is the token's alone.
 */
export type VaryDimension = 'market' | 'locale' | 'group'

/** A read the edge may answer from a cache, under the freshness protocol. */
export interface Cached {
  readonly kind: 'cached'
  readonly vary: readonly VaryDimension[]
  /** How long after its fill a stale copy may stand in for a cell that cannot be reached. */
  readonly staleIfErrorSeconds: number
}

/** A request the edge signs and forwards to the cell that owns the data. */
export interface Forward {
  readonly kind: 'forward'
  /** True for a POST that creates something: it must carry an `Idempotency-Key`. */
  readonly creates: boolean
  readonly bodyBytesMax: number
}

/** How often a forward may be tried, by address and by account: see `shared/limits/policies.ts`. */
export interface Limit {
  readonly policy: LimitPolicyName
  /** The member of the body, a text, that says whose account is tried. Without one only addresses count. */
  readonly account?: string
}

export interface Endpoint {
  readonly method: Method
  /** Path template with `{name}` parameters, each one whole segment. */
  readonly path: string
  readonly summary: string
  readonly access: Access
  readonly serve: Cached | Forward
  readonly limit?: Limit
  /** The status of success. */
  readonly status: 200 | 201
  readonly request: {
    readonly params?: z.ZodObject
    readonly query?: z.ZodObject
    readonly body?: z.ZodType
  }
  readonly response: z.ZodType
  /** The problems this endpoint names, beside those every endpoint may answer with. */
  readonly problems: readonly ProblemCode[]
}

export const BODY_BYTES_MAX = 65_536

export function cached(options: Omit<Cached, 'kind'>): Cached {
  return { kind: 'cached', ...options }
}

export function forward<const Creates extends boolean = false>(
  options: { creates?: Creates; bodyBytesMax?: number } = {},
): Forward & { readonly creates: Creates } {
  const { creates = false as Creates, bodyBytesMax = BODY_BYTES_MAX } = options
  return { kind: 'forward', creates, bodyBytesMax }
}

/** Declares one endpoint, keeping its literal and schema types. */
export function endpoint<const E extends Omit<Endpoint, 'status'> & { status?: 200 | 201 }>(
  declaration: E,
): E & { status: E['status'] extends 201 ? 201 : 200 } {
  return { status: 200, ...declaration } as E & { status: E['status'] extends 201 ? 201 : 200 }
}

type Part<E extends Endpoint, K extends keyof E['request']> = E['request'][K] extends z.ZodType
  ? E['request'][K]
  : never
type OutputOf<Z> = [Z] extends [never] ? undefined : Z extends z.ZodType ? z.output<Z> : undefined
type InputOf<Z> = [Z] extends [never] ? undefined : Z extends z.ZodType ? z.input<Z> : undefined

/** The validated parts of a request, as a handler receives them. */
export interface RequestOf<E extends Endpoint> {
  params: OutputOf<Part<E, 'params'>>
  query: OutputOf<Part<E, 'query'>>
  body: OutputOf<Part<E, 'body'>>
}

/** The parts of a request as a caller writes them. */
export interface CallOf<E extends Endpoint> {
  params: InputOf<Part<E, 'params'>>
  query: InputOf<Part<E, 'query'>>
  body: InputOf<Part<E, 'body'>>
}

export type ResponseOf<E extends Endpoint> = z.output<E['response']>
