/** The OpenAPI 3.1 document, derived from the contracts: nothing here knows an endpoint by name. */
import { allEndpoints, type NamedEndpoint, namedSchemas } from '../contracts/index.ts'
import { problemsOf } from '../contracts/problems-of.ts'
import { PROBLEM_CONTENT_TYPE, PROBLEMS, type ProblemCode } from '../problems.ts'
import { headers, limitHeaders, parameters, problemSchemas, securitySchemes } from './components.ts'
import { type ContractSchemas, contractSchemas, type JsonSchema } from './schemas.ts'

export interface OpenApiDocument {
  openapi: string
  info: { title: string; version: string; description: string }
  servers: { url: string; description: string }[]
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: Record<string, Record<string, JsonSchema>>
}

export interface Operation {
  operationId: string
  tags: string[]
  summary: string
  security: Record<string, string[]>[]
  parameters: JsonSchema[]
  requestBody?: JsonSchema
  responses: Record<string, JsonSchema>
}

export function openApiDocument(): OpenApiDocument {
  const endpoints = allEndpoints()
  const schemas = contractSchemas(endpoints, namedSchemas())
  const isLimited = endpoints.some(({ endpoint }) => endpoint.limit !== undefined)
  const paths: OpenApiDocument['paths'] = {}
  for (const named of endpoints) {
    const { path, method } = named.endpoint
    paths[path] ??= {}
    paths[path][method] = operationOf(named, schemas)
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Tradewind',
      version: '1',
      description:
        'Commerce at the edge. Every answer that is not a success is a problem (RFC 9457) with a stable `code`. ' +
        'Amounts are integers of minor units. Carry `Tradewind-Position` from answer to request, and no read is ' +
        'older than what you have already seen or written.',
    },
    servers: [{ url: '/', description: 'Where this document is served' }],
    tags: [...new Set(endpoints.map(({ module }) => module))].map((name) => ({ name })),
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      schemas: { ...schemas.components, ...problemSchemas },
      responses: sharedResponses(endpoints),
      parameters,
      headers: isLimited ? { ...headers, ...limitHeaders } : headers,
      securitySchemes,
    },
  }
}

function operationOf(named: NamedEndpoint, schemas: ContractSchemas): Operation {
  const { id, module, endpoint } = named
  const problems = problemResponsesOf(named).map(
    ({ status, name }) => [status, { $ref: `#/components/responses/${name}` }] as const,
  )
  const body = schemas.partOf(id, 'body')
  return {
    operationId: id,
    tags: [module],
    summary: endpoint.summary,
    security: securityOf(endpoint.access),
    parameters: [
      ...parametersOf('path', schemas.partOf(id, 'params')),
      ...parametersOf('query', schemas.partOf(id, 'query')),
      ...headerParametersOf(endpoint.serve),
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: { ...successOf(id, endpoint, schemas), ...Object.fromEntries(problems) },
  }
}

function securityOf(access: string): Operation['security'] {
  if (access === 'public') return [{}, { bearer: [] }]
  if (access === 'holder') return [{ cartSecret: [] }, { bearer: [] }]
  return [{ bearer: access.startsWith('staff:') ? [access.slice('staff:'.length)] : [] }]
}

/** The members of an object schema, one parameter each. */
function parametersOf(place: 'path' | 'query', object: JsonSchema | undefined): JsonSchema[] {
  const properties = (object?.properties ?? {}) as Record<string, JsonSchema>
  const required = new Set((object?.required ?? []) as string[])
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: place,
    required: place === 'path' || required.has(name),
    schema,
  }))
}

function headerParametersOf(serve: NamedEndpoint['endpoint']['serve']): JsonSchema[] {
  if (serve.kind === 'cached')
    return referTo('parameters', ['Position', 'PositionQuery', 'IfNoneMatch'])
  return referTo('parameters', serve.creates ? ['Position', 'IdempotencyKey'] : ['Position'])
}

function referTo(kind: string, names: string[]): JsonSchema[] {
  return names.map((name) => ({ $ref: `#/components/${kind}/${name}` }))
}

function headersNamed(names: readonly string[]): Record<string, JsonSchema> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}

function successOf(
  id: string,
  endpoint: NamedEndpoint['endpoint'],
  schemas: ContractSchemas,
): Record<string, JsonSchema> {
  const isCached = endpoint.serve.kind === 'cached'
  const named = headersNamed([
    'Tradewind-Position',
    'Tradewind-Request-Id',
    ...(isCached ? ['ETag', 'Cache-Status'] : []),
    ...(endpoint.limit === undefined ? [] : Object.keys(limitHeaders)),
  ])
  const success = {
    description: endpoint.status === 201 ? 'Created' : 'Success',
    headers: named,
    content: { 'application/json': { schema: schemas.partOf(id, 'response') } },
  }
  const unchanged = { description: 'The copy named by `If-None-Match` is current', headers: named }
  return { [endpoint.status]: success, ...(isCached ? { 304: unchanged } : {}) }
}

/** The codes of one status, and the name of the response that carries them. */
interface ProblemResponse {
  name: string
  status: number
  codes: ProblemCode[]
}

function problemResponsesOf({ endpoint }: NamedEndpoint): ProblemResponse[] {
  const byStatus = Map.groupBy(problemsOf(endpoint), (code) => PROBLEMS[code][0])
  return [...byStatus].map(([status, codes]) => ({ name: codes.join('_'), status, codes }))
}

/** Many endpoints answer with the same problems, so their responses are components. */
function sharedResponses(endpoints: readonly NamedEndpoint[]): Record<string, JsonSchema> {
  const all = endpoints.flatMap(problemResponsesOf).sort((a, b) => (a.name < b.name ? -1 : 1))
  return Object.fromEntries(all.map((response) => [response.name, problemResponse(response)]))
}

function problemResponse({ status, codes }: ProblemResponse): JsonSchema {
  const isPatient = status === 429 || status === 503
  const code = { type: 'object', properties: { code: { enum: codes } } }
  const schema = { allOf: [{ $ref: '#/components/schemas/Problem' }, code] }
  return {
    description: codes.map((name) => `\`${name}\`: ${PROBLEMS[name][1]}.`).join('\n\n'),
    headers: headersNamed(['Tradewind-Request-Id', ...(isPatient ? ['Retry-After'] : [])]),
    content: { [PROBLEM_CONTENT_TYPE]: { schema } },
  }
}
