/** Every contract, by module: the one list from which routes, OpenAPI, client and tests are derived. */
import type { z } from 'zod'
import * as audit from './audit.ts'
import * as carts from './carts.ts'
import * as catalog from './catalog.ts'
import * as customers from './customers.ts'
import type { Endpoint } from './endpoint.ts'
import * as fields from './fields.ts'
import * as identity from './identity.ts'
import * as inventory from './inventory.ts'
import * as orders from './orders.ts'
import * as priceLists from './price-lists.ts'
import * as staff from './staff.ts'

const files = {
  catalog: { ...catalog, ...priceLists },
  inventory,
  carts,
  orders,
  customers,
  identity,
  staff,
  audit,
} as const

export const contracts = {
  catalog: endpointsOf(files.catalog),
  inventory: endpointsOf(files.inventory),
  carts: endpointsOf(files.carts),
  orders: endpointsOf(files.orders),
  customers: endpointsOf(files.customers),
  identity: endpointsOf(files.identity),
  staff: endpointsOf(files.staff),
  audit: endpointsOf(files.audit),
} as const

export type Contracts = typeof contracts
export type ModuleName = keyof Contracts

type EndpointsOf<M> = { [K in keyof M as M[K] extends Endpoint ? K : never]: M[K] }

/** A contract file exports schemas too; what has a path is an endpoint. By name, whatever loads the file. */
function endpointsOf<M extends object>(module: M): EndpointsOf<M> {
  const endpoints = Object.entries(module)
    .filter(
      ([, value]) =>
        typeof value === 'object' && value !== null && 'path' in value && 'serve' in value,
    )
    .sort(([a], [b]) => (a < b ? -1 : 1))
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

/** Every schema that a contract file exports, by its name there: the OpenAPI document's components. */
export function namedSchemas(): Map<string, z.ZodType> {
  const named = new Map<string, z.ZodType>()
  for (const [name, value] of [fields, ...Object.values(files)].flatMap((f) => Object.entries(f))) {
    if (typeof value === 'object' && value !== null && '_zod' in value) {
      named.set(name, value as z.ZodType)
    }
  }
  return named
}
