/** Every contract on a real cell: who is let in, and what bad input gets. A new contract is covered by being one. */
import { base64url } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createApp } from '../../regional/app.ts'
import { modules } from '../../regional/modules/index.ts'
import type { Endpoint } from '../../shared/contracts/endpoint.ts'
import { allEndpoints } from '../../shared/contracts/index.ts'
import { problemsOf } from '../../shared/contracts/problems-of.ts'
import { newCellId } from '../../shared/ids.ts'
import { SCOPES } from '../../shared/principal.ts'
import { PROBLEM_CONTENT_TYPE, type ProblemDetails } from '../../shared/problems.ts'
import { startTestCell, type TestCell } from '../support/cell.ts'
import { pathOf, refusedBy, sampleOf } from '../support/contract-samples.ts'
import { accessToken, signRequest } from '../support/keys.ts'

const SECONDS = 1_000
const endpoints = allEndpoints()
const withBody = endpoints.filter(({ endpoint }) => endpoint.request.body !== undefined)
const withParams = endpoints.filter(({ endpoint }) => endpoint.request.params !== undefined)
const withQuery = endpoints.filter(({ endpoint }) => endpoint.request.query !== undefined)
const ofStaff = endpoints.filter(({ endpoint }) => endpoint.access.startsWith('staff:'))
const creating = endpoints.filter(
  ({ endpoint: { serve } }) => serve.kind === 'forward' && serve.creates,
)

let cell: TestCell
let app: ReturnType<typeof createApp>
let staff: string
let customer: string

beforeAll(async () => {
  cell = await startTestCell()
  app = createApp(cell.services, modules)
  staff = await accessToken()
  customer = await accessToken({ role: 'customer', sub: newCellId('cus', 'eu') })
})

afterAll(async () => {
  await cell.close()
})

/** A call that breaks no rule, with what one test changes. */
function callOf({ access, request }: Endpoint): { token?: string; body?: unknown } {
  return {
    ...(access === 'public' ? {} : { token: access === 'customer' ? customer : staff }),
    ...(request.body === undefined ? {} : { body: sampleOf(request.body) }),
  }
}

/** Sends a body as it is, in whatever bytes and type. */
async function callRaw(endpoint: Endpoint, body: string, type?: string): Promise<Response> {
  const url = `http://cell.test${pathOf(endpoint)}`
  const method = endpoint.method.toUpperCase()
  const headers = new Headers({
    authorization: `Bearer ${endpoint.access === 'customer' ? customer : staff}`,
    'idempotency-key': 'contract-test-0123456789',
    'content-type': type ?? 'application/json',
  })
  const signed = signRequest({ method, url, headers, body })
  return await app.request(url, { method, headers: signed, body })
}

async function expectProblem(response: Response, code: string): Promise<ProblemDetails> {
  const details = (await response.json()) as ProblemDetails
  expect(details).toMatchObject({ code, status: response.status })
  expect(response.headers.get('content-type')).toBe(PROBLEM_CONTENT_TYPE)
  expect(response.headers.get('cache-control')).toBe('no-store')
  return details
}

/** @param place and pointer of the field that must be among those named. */
async function expectInvalid(response: Response, place: string, pointer: string): Promise<void> {
  const { errors } = await expectProblem(response, 'request.invalid')
  expect(response.status).toBe(400)
  const named = errors?.map((error) => `${error.in} ${error.pointer}`) ?? []
  expect(
    named.some((name) => name.startsWith(`${place} ${pointer}`)),
    named.join(),
  ).toBe(true)
}

describe.each(endpoints)('$id', ({ endpoint }) => {
  it('is refused without an edge’s signature', async () => {
    const response = await app.request(`http://cell.test${pathOf(endpoint)}`, {
      method: endpoint.method.toUpperCase(),
      headers: { authorization: `Bearer ${staff}` },
    })
    expect(response.status).toBe(401)
    await expectProblem(response, 'request.unsigned')
  })

  it('is refused with a token that is forged, expired, unsigned or nobody’s', async () => {
    const [header, payload] = staff.split('.') as [string, string]
    const none = base64url.encode(JSON.stringify({ alg: 'none', typ: 'at+jwt' }))
    const tokens = [
      'nonsense',
      `${header}.${payload}.${base64url.encode('x'.repeat(64))}`,
      `${none}.${payload}.`,
      await accessToken({ now: new Date(Date.now() - 3_600 * SECONDS) }),
      await accessToken({ claims: { role: 'nobody' } }),
    ]
    for (const token of tokens) {
      const call = { ...callOf(endpoint), token }
      const response = await cell.call(endpoint.method, pathOf(endpoint), call)
      expect(response.status).toBe(401)
      await expectProblem(response, 'token.refused')
    }
  })

  it('answers a good request as it declares, and never with a 500', async () => {
    const response = await cell.call(endpoint.method, pathOf(endpoint), callOf(endpoint))
    const body = (await response.json()) as ProblemDetails
    if (response.ok) {
      expect(response.status).toBe(endpoint.status)
      expect(endpoint.response.safeParse(body).error).toBeUndefined()
      return
    }
    expect(problemsOf(endpoint)).toContain(body.code)
    expect(body.code).not.toBe('internal')
  })
})

describe.each(ofStaff)('$id, of staff', ({ endpoint }) => {
  it('refuses a guest, a customer, and staff without the scope', async () => {
    const scope = endpoint.access.slice('staff:'.length)
    const tokens = [
      undefined,
      await accessToken({ role: 'customer', sub: 'cus_test' }),
      await accessToken({ scopes: SCOPES.filter((other) => other !== scope) }),
      await accessToken({ scopes: [] }),
    ]
    for (const token of tokens) {
      const call = { ...callOf(endpoint), token }
      const response = await cell.call(endpoint.method, pathOf(endpoint), call)
      expect(response.status).toBe(403)
      await expectProblem(response, 'access.denied')
    }
  })
})

describe.each(withParams)('$id, in its path', ({ endpoint }) => {
  it('names a parameter it cannot take', async () => {
    for (const name of Object.keys(endpoint.request.params!.shape)) {
      for (const value of ['!', '\u0000', 'x'.repeat(2_000), '%FF']) {
        const path = pathOf(endpoint, { [name]: value })
        const response = await cell.call(endpoint.method, path, callOf(endpoint))
        await expectInvalid(response, 'params', `/${name}`)
      }
    }
  })
})

describe.each(withQuery)('$id, in its query', ({ endpoint }) => {
  const names = Object.keys(endpoint.request.query!.shape)
  const ask = (query: string) =>
    cell.call(endpoint.method, `${pathOf(endpoint)}?${query}`, callOf(endpoint))

  it('names a parameter that is wrong, unknown or given twice', async () => {
    for (const name of names) {
      await expectInvalid(await ask(`${name}=%21`), 'query', `/${name}`)
      await expectInvalid(await ask(`${name}=a&${name}=a`), 'query', `/${name}`)
    }
    await expectInvalid(await ask('unexpected=1'), 'query', '/unexpected')
  })
})

describe.each(withBody)('$id, in its body', ({ endpoint }) => {
  const send = (body: unknown) =>
    cell.call(endpoint.method, pathOf(endpoint), { ...callOf(endpoint), body })
  const good = () => sampleOf(endpoint.request.body!) as object

  it('names a member it does not know', async () => {
    await expectInvalid(await send({ ...good(), unexpected: 1 }), 'body', '/unexpected')
  })

  it('names a member of the wrong type', async () => {
    const { shape } = endpoint.request.body as z.ZodObject
    expect(endpoint.request.body).toBeInstanceOf(z.ZodObject)
    for (const [name, member] of Object.entries(shape)) {
      const wrong = refusedBy(member as z.ZodType)
      await expectInvalid(await send({ ...good(), [name]: wrong }), 'body', `/${name}`)
    }
  })

  it('refuses what is not an object', async () => {
    for (const body of [null, 42, 'text', []]) await expectInvalid(await send(body), 'body', '')
  })

  it('refuses what is not JSON in UTF-8', async () => {
    for (const body of ['', '{', '{"a":1}{', '{"a":\u0000}', '{"__proto__":{}}', 'NaN']) {
      const response = await callRaw(endpoint, body)
      expect(response.status, body).toBe(400)
      await expectProblem(response, 'request.malformed')
    }
  })

  it('refuses a body of another type', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
      const response = await callRaw(endpoint, JSON.stringify(good()), type)
      expect(response.status).toBe(415)
      await expectProblem(response, 'request.unsupported_type')
    }
  })

  it('refuses a body past its limit, and one that nests too deep', async () => {
    const { bodyBytesMax } = endpoint.serve as { bodyBytesMax: number }
    const large = await callRaw(endpoint, JSON.stringify('x'.repeat(bodyBytesMax)))
    expect(large.status).toBe(413)
    await expectProblem(large, 'request.too_large')
    const deep = await callRaw(endpoint, `${'['.repeat(5_000)}${']'.repeat(5_000)}`)
    expect(deep.status).toBe(400)
    await expectProblem(deep, 'request.malformed')
  })
})

describe.each(creating)('$id, which creates', ({ endpoint }) => {
  it('is refused without an idempotency key, or with one that is no key', async () => {
    const call = { ...callOf(endpoint), idempotencyKey: null }
    const response = await cell.call(endpoint.method, pathOf(endpoint), call)
    expect(response.status).toBe(400)
    await expectProblem(response, 'idempotency.key_required')
    for (const idempotencyKey of ['short', 'x'.repeat(129), 'with a space in it']) {
      const bad = { ...callOf(endpoint), idempotencyKey }
      const refused = await cell.call(endpoint.method, pathOf(endpoint), bad)
      await expectInvalid(refused, 'header', '/idempotency-key')
    }
  })
})

it('what no contract names is a 404, signed or not', async () => {
  for (const path of ['/', '/v1', '/v1/nothing', '/v1/products/a/b', '/internal/nothing']) {
    const response = await cell.call('get', path)
    expect(response.status).toBe(404)
    await expectProblem(response, 'route.unknown')
  }
})
