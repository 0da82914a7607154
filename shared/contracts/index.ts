/** Every contract, by module: the one list from which routes, OpenAPI, client and tests are derived. */
import * as carts from './carts.ts'
import * as catalog from './catalog.ts'
import type { Endpoint } from './endpoint.ts'
import * as inventory from './inventory.ts'
import * as orders from './orders.ts'

export const contracts = {
  catalog: endpointsOf(catalog),
  inventory: endpointsOf(inventory),
  carts: endpointsOf(carts),
  orders: endpointsOf(orders),
} as const

export type Contracts = typeof contracts
export type ModuleName = keyof Contracts

type EndpointsOf<M> = { [K in keyof M as M[K] extends Endpoint ? K : never]: M[K] }

/** A contract file exports schemas too; what has a path is an endpoint. */
function endpointsOf<M extends object>(module: M): EndpointsOf<M> {
  const endpoints = Object.entries(module).filter(
    ([, value]) =>
      typeof value === 'object' && value !== null && 'path' in value && 'serve' in value,
  )
  return Object.fromEntries(endpoints) as EndpointsOf<M>
}

export interface NamedEndpoint {
  /** `catalog.getProduct`: the operation's id everywhere. */
  readonly id: string
  readonly module: string
  readonly name: string
  readonly endpoint: Endpoint
}

export function allEndpoints(): NamedEndpoint[] {
  return Object.entries(contracts).flatMap(([module, endpoints]) =>
    Object.entries(endpoints as Record<string, Endpoint>).map(([name, endpoint]) => ({
      id: `${module}.${name}`,
      module,
      name,
      endpoint,
    })),
  )
}
