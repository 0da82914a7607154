/** What holds of every contract, whichever it is. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { facts } from '../../shared/contracts/facts.generated.ts'
import { factsOf } from '../../shared/contracts/facts.ts'
import { allEndpoints, namedSchemas } from '../../shared/contracts/index.ts'
import { problemsOf } from '../../shared/contracts/problems-of.ts'
import { LIMIT_POLICIES } from '../../shared/limits/policies.ts'
import { GROUP_PARAMETER, SCOPES } from '../../shared/principal.ts'
import { isProblemCode, PROBLEMS } from '../../shared/problems.ts'
import { sampleOf, stringsIn } from '../support/contract-samples.ts'

const endpoints = allEndpoints()
const GATES = ['public', 'holder', 'account', 'customer', 'staff']

describe('the contracts', () => {
  it('have ids, methods and paths of their own', () => {
    const ids = endpoints.map(({ id }) => id)
    const routes = endpoints.map(({ endpoint: { method, path } }) => {
      return `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`
    })
    expect(new Set(ids).size).toBe(endpoints.length)
    expect(new Set(routes).size).toBe(endpoints.length)
  })

  it('are known to the edge and the client by the facts they declare', () => {
    expect(facts).toEqual(endpoints.map(({ id, endpoint }) => factsOf(id, endpoint)))
  })

  it('name every problem that any of them declares in the catalogue', () => {
    for (const { id, endpoint } of endpoints) {
      for (const code of endpoint.problems) expect(isProblemCode(code), `${id} ${code}`).toBe(true)
      expect(new Set(endpoint.problems).size, id).toBe(endpoint.problems.length)
    }
  })
})

describe.each(endpoints)('$id', ({ endpoint }) => {
  const { method, path, access, serve, limit, status, request } = endpoint

  it('is addressed under the version, by whole segments', () => {
    expect(path).toMatch(/^\/v1(?:\/(?:[a-z-]+|\{[a-z]\w*\}))+$/i)
  })

  it('declares the parameters its path has, and no other', () => {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    expect(Object.keys(request.params?.shape ?? {}).sort()).toEqual(named.sort())
  })

  it('is cached only as a read for everybody', () => {
    if (serve.kind === 'forward') return expect(serve.bodyBytesMax).toBeGreaterThan(0)
    expect(method).toBe('get')
    expect(access).toBe('public')
    for (const dimension of serve.vary) {
      // The group is the token's alone; the others a caller may name.
      if (dimension === 'group') continue
      expect(Object.keys(request.query?.shape ?? {})).toContain(dimension)
    }
    expect(serve.staleIfErrorSeconds).toBeGreaterThan(0)
  })

  it('leaves the reserved parameters to the edge', () => {
    const declared = Object.keys(request.query?.shape ?? {})
    for (const reserved of [GROUP_PARAMETER, 'position']) expect(declared).not.toContain(reserved)
  })

  it('creates by a POST alone, and a 201 says that it did', () => {
    const creates = serve.kind === 'forward' && serve.creates
    if (creates) expect(method).toBe('post')
    if (status === 201) expect(creates).toBe(true)
    const codes = problemsOf(endpoint)
    expect(codes.includes('idempotency.key_required')).toBe(creates)
  })

  it('has no body where a body means nothing', () => {
    if (method === 'get' || method === 'delete') expect(request.body).toBeUndefined()
    else expect(serve.kind).toBe('forward')
  })

  it('limits, if at all, what is forwarded, by a text of its body', () => {
    if (limit === undefined) return expect(factsOf('', endpoint)).not.toHaveProperty('limit')
    expect(serve.kind).toBe('forward')
    expect(Object.keys(LIMIT_POLICIES)).toContain(limit.policy)
    if (limit.account === undefined) return
    const member = (request.body as z.ZodObject).shape[limit.account] as z.ZodType
    expect(member.safeParse(sampleOf(member)).data).toEqual(expect.any(String))
  })

  it('asks staff for a scope that exists', () => {
    if (!access.startsWith('staff:')) return expect(GATES).toContain(access)
    expect(SCOPES).toContain(access.slice('staff:'.length))
  })

  it('refuses what it does not know, in every part of the request', () => {
    for (const part of [request.params, request.query, request.body]) {
      if (part === undefined) continue
      const read = part.safeParse({ ...(sampleOf(part) as object), unexpected: 1 })
      expect(read.error?.issues[0]?.code).toBe('unrecognized_keys')
    }
  })

  it('takes no text that a database or a JSON reader could not hold', () => {
    for (const part of [request.params, request.query, request.body]) {
      for (const { at, schema } of part === undefined ? [] : stringsIn(part)) {
        for (const text of ['sample\u0000', '\ud800', 'https://example.com/\u0000', 'a\ud800']) {
          expect(schema.safeParse(text).success, `${at} ${JSON.stringify(text)}`).toBe(false)
        }
      }
    }
  })

  it('bounds every text it takes', () => {
    for (const part of [request.params, request.query, request.body]) {
      for (const { at, schema } of part === undefined ? [] : stringsIn(part)) {
        for (const letter of ['a', '0', 'A', '-']) {
          expect(schema.safeParse(letter.repeat(30_000)).success, at).toBe(false)
        }
      }
    }
  })

  it('answers with an object, so that members can be added', () => {
    const { response } = endpoint
    // Where there are several answers, one member tells which it is.
    const answers = response instanceof z.ZodDiscriminatedUnion ? response.options : [response]
    for (const answer of answers) expect(answer).toBeInstanceOf(z.ZodObject)
  })
})

describe('the catalogue of problems', () => {
  it('has a code in a named group, an error status and a title for each', () => {
    for (const [code, [status, title]] of Object.entries(PROBLEMS)) {
      expect(code).toMatch(/^(?:[a-z]+\.[a-z_]+|internal)$/)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(title).not.toBe('')
    }
  })
})

describe('the rows of an import, which are read one by one', () => {
  it('take no text that a database could not hold', () => {
    for (const { at, schema } of stringsIn(namedSchemas().get('ImportRow')!)) {
      for (const text of ['sample\u0000', 'https://example.com/\u0000', 'a\ud800']) {
        expect(schema.safeParse(text).success, `${at} ${JSON.stringify(text)}`).toBe(false)
      }
    }
  })
})
