/**
 * JSON Schemas of the contracts (draft 2020-12, which OpenAPI 3.1 speaks), by zod's own conversion. A schema that a
 * contract file exports becomes a component and is referred to by name; the others stay where they are used.
 */
import { z } from 'zod'
import type { NamedEndpoint } from '../contracts/index.ts'

export type JsonSchema = { [keyword: string]: unknown }
type Direction = 'input' | 'output'

const COMPONENTS = '#/components/schemas/'

export interface ContractSchemas {
  /** Components that some endpoint reaches, in the order of their names. */
  readonly components: Record<string, JsonSchema>
  /** A part of one endpoint: a reference when it has a name, else the schema itself. */
  partOf(id: string, part: 'params' | 'query' | 'body' | 'response'): JsonSchema | undefined
}

/**
 * @throws {Error} when a named schema means one thing in requests and another in responses: give each its own name.
 */
export function contractSchemas(
  endpoints: readonly NamedEndpoint[],
  named: ReadonlyMap<string, z.ZodType>,
): ContractSchemas {
  const requests = converted('input', endpoints, named)
  const responses = converted('output', endpoints, named)
  const components: Record<string, JsonSchema> = {}
  const collect = (schemas: Record<string, JsonSchema>, schema: unknown) => {
    for (const name of referencesIn(schema)) {
      const found = schemas[name]
      if (found === undefined) throw new Error(`no contract file exports a schema named ${name}`)
      if (name in components) {
        const same = JSON.stringify(components[name]) === JSON.stringify(found)
        if (!same) throw new Error(`${name} differs between requests and responses`)
        continue
      }
      components[name] = found
      collect(schemas, found)
    }
  }
  const parts = new Map<string, JsonSchema>()
  for (const { id, endpoint } of endpoints) {
    for (const [part, schema] of partsOf(endpoint)) {
      const schemas = part === 'response' ? responses : requests
      const own = schemas[keyOf(id, part)]
      const written = own ?? { $ref: COMPONENTS + nameOf(schema, named) }
      parts.set(keyOf(id, part), written)
      collect(schemas, written)
    }
  }
  const sorted = Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    components: Object.fromEntries(sorted),
    partOf: (id, part) => parts.get(keyOf(id, part)),
  }
}

function converted(
  io: Direction,
  endpoints: readonly NamedEndpoint[],
  named: ReadonlyMap<string, z.ZodType>,
): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of named) registry.add(schema, { id })
  for (const { id, endpoint } of endpoints) {
    for (const [part, schema] of partsOf(endpoint)) {
      const wanted = (part === 'response') === (io === 'output')
      // What two endpoints share without a name is written out in each.
      if (wanted && nameOf(schema, named) === undefined) {
        registry.add(schema.clone(), { id: keyOf(id, part) })
      }
    }
  }
  const { schemas } = z.toJSONSchema(registry, { io, uri: (id) => COMPONENTS + id, override })
  for (const schema of Object.values(schemas)) {
    delete schema.$id
    delete schema.$schema
  }
  return schemas as Record<string, JsonSchema>
}

/** Answers may gain members; only what was declared strict refuses others. */
function override({ zodSchema, jsonSchema }: { zodSchema: unknown; jsonSchema: JsonSchema }): void {
  const { def } = (zodSchema as z.ZodType)._zod
  if (def.type === 'object' && !('catchall' in def && def.catchall !== undefined)) {
    delete jsonSchema.additionalProperties
  }
}

function partsOf(endpoint: NamedEndpoint['endpoint']): [part: string, schema: z.ZodType][] {
  const { params, query, body } = endpoint.request
  const parts = Object.entries({ params, query, body, response: endpoint.response })
  return parts.filter((entry): entry is [string, z.ZodType] => entry[1] !== undefined)
}

function keyOf(id: string, part: string): string {
  return `${id}.${part}`
}

function nameOf(schema: z.ZodType, named: ReadonlyMap<string, z.ZodType>): string | undefined {
  for (const [name, candidate] of named) if (candidate === schema) return name
  return undefined
}

/** The names of the components that a schema refers to, itself or below. */
function referencesIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  return Object.entries(schema).flatMap(([keyword, value]) =>
    keyword === '$ref' && typeof value === 'string' && value.startsWith(COMPONENTS)
      ? [value.slice(COMPONENTS.length)]
      : referencesIn(value),
  )
}
