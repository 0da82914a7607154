/** The OpenAPI document against the specification and against the contracts it is derived from. */
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { endpoint, forward } from '../../shared/contracts/endpoint.ts'
import { allEndpoints } from '../../shared/contracts/index.ts'
import { openApiDocument } from '../../shared/openapi/document.ts'
import { contractSchemas } from '../../shared/openapi/schemas.ts'

const document = openApiDocument()

async function lint(source: unknown) {
  const config = await createConfig({
    extends: ['recommended'],
    rules: {
      // The API is not licensed to anybody; its terms are the operator's.
      'info-license': 'off',
      // A tag is a module, and the module's name says what it is.
      'tag-description': 'off',
    },
  })
  return await lintFromString({
    source: JSON.stringify(source),
    absoluteRef: 'openapi.json',
    config,
  })
}

function faults(problems: Awaited<ReturnType<typeof lint>>) {
  return problems.map(({ ruleId, message, location }) => ({
    ruleId,
    message,
    at: location.map((place) => place.pointer),
  }))
}

describe('the OpenAPI document', () => {
  it('is OpenAPI 3.1 without an error or a warning', async () => {
    expect(document.openapi).toMatch(/^3\.1\.\d$/)
    expect(faults(await lint(document))).toEqual([])
  })

  it('is linted by rules that refuse a broken document', async () => {
    const broken = structuredClone(document) as unknown as Record<string, unknown>
    broken.paths = { '/v1/{lost}': { get: { operationId: 'x', responses: { 200: {} } } } }
    const rules = faults(await lint(broken)).map(({ ruleId }) => ruleId)
    expect(rules).toContain('path-parameters-defined')
    expect(rules).toContain('struct')
  })

  it('has one operation for each contract, and no other', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, { operationId }]) => `${operationId} ${method} ${path}`,
      ),
    )
    const declared = allEndpoints().map(
      ({ id, endpoint: { method, path } }) => `${id} ${method} ${path}`,
    )
    expect(operations.sort()).toEqual(declared.sort())
  })

  it('keeps the limits and patterns of the schemas', () => {
    expect(document.components.schemas?.Handle).toEqual({
      type: 'string',
      maxLength: 120,
      pattern: '^[a-z0-9]+(?:-[a-z0-9]+)*$',
    })
  })

  it('asks for an idempotency key exactly where something is created', () => {
    const key = { $ref: '#/components/parameters/IdempotencyKey' }
    for (const {
      endpoint: { method, path, serve },
    } of allEndpoints()) {
      const parameters = document.paths[path]?.[method]?.parameters ?? []
      const asks = parameters.some((parameter) => parameter.$ref === key.$ref)
      expect(asks, `${method} ${path}`).toBe(serve.kind === 'forward' && serve.creates)
    }
  })

  it('refuses a named schema that means different things in a request and in an answer', () => {
    const Shared = z.strictObject({ count: z.int().default(1) })
    const declared = endpoint({
      method: 'put',
      path: '/v1/things',
      summary: 'A thing',
      access: 'public',
      serve: forward(),
      request: { body: Shared },
      response: Shared,
      problems: [],
    })
    const named = { id: 'things.put', module: 'things', name: 'put', endpoint: declared }
    expect(() => contractSchemas([named], new Map([['Shared', Shared]]))).toThrow(
      'Shared differs between requests and responses',
    )
  })
})
