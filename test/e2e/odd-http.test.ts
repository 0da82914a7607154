/** HTTP as nobody should speak it: framing, encodings, methods and headers, and what chance makes of them all. */
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { allEndpoints } from '../../shared/contracts/index.ts'
import { HEADERS } from '../../shared/headers.ts'
import { pathOf, sampleOf } from '../support/contract-samples.ts'
import { type RawRequest, sendRaw } from '../support/raw-http.ts'
import { contentsOf, expectRefused, refusalOf } from '../support/refusals.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

const CART = `/v1/carts/cart_eu_${'0'.repeat(32)}`
const JSON_TYPE = 'Content-Type: application/json'
const FUZZ_REQUESTS = 300

let system: TestSystem

beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system?.close())

function ask(target: string, headers: readonly string[] = [], method = 'GET'): Promise<Response> {
  return sendRaw(system.edgeUrl, { method, target, headers })
}

function post(body: string | Buffer, headers: readonly string[], more: Partial<RawRequest> = {}) {
  const key = `Idempotency-Key: ${crypto.randomUUID()}`
  const request = { method: 'POST', target: '/v1/carts', body, headers: [key, ...headers] }
  return sendRaw(system.edgeUrl, { ...request, ...more })
}

const lengthOf = (body: string | Buffer) => `Content-Length: ${Buffer.byteLength(body)}`
const chunked = (body: string) => `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`

describe('a body', () => {
  test.each(['{', '', '{"market":"de"}}', "{'market':'de'}", 'NaN', '{"__proto__":{}}', '\ufeff'])(
    'that is not JSON is refused, and nothing is written: %j',
    async (body) => {
      const before = await contentsOf(system.databaseUrl)
      const answer = await post(body, [JSON_TYPE, lengthOf(body)])
      await expectRefused(answer, { code: 'request.malformed' })
      expect(await contentsOf(system.databaseUrl)).toEqual(before)
    },
  )

  test('that is not UTF-8, or nests too deep, is refused', async () => {
    const latin1 = Buffer.from('{"market":"\xff"}', 'latin1')
    const deep = `{"lines":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
    for (const body of [latin1, deep]) {
      const answer = await post(body, [JSON_TYPE, lengthOf(body)])
      await expectRefused(answer, { code: 'request.malformed' })
    }
  })

  test('of another type, of none, or encoded is refused', async () => {
    const body = '{"market":"de"}'
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', '']
    for (const type of types) {
      const answer = await post(body, [`Content-Type: ${type}`, lengthOf(body)])
      await expectRefused(answer, { code: 'request.unsupported_type', name: type })
    }
    const bomb = gzipSync(Buffer.alloc(20_000_000, ' '))
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(body)],
      ['gzip', bomb],
      ['br', body],
      ['nothing', body],
    ] as const) {
      const headers = [JSON_TYPE, `Content-Encoding: ${encoding}`, lengthOf(bytes)]
      const code = 'request.unsupported_type'
      await expectRefused(await post(bytes, headers), { code, pointer: '/content-encoding' })
    }
  })

  test('past its limit is refused, whether it says its length, lies, or comes in chunks', async () => {
    const large = JSON.stringify({ market: 'x'.repeat(70_000) })
    const huge = JSON.stringify({ market: 'x'.repeat(2_000_000) })
    const answers = [
      await post(large, [JSON_TYPE, lengthOf(large)]),
      await post('{}', [JSON_TYPE, 'Content-Length: 99999999999']),
      await post(chunked(large), [JSON_TYPE, 'Transfer-Encoding: chunked']),
      await post(chunked(huge), [JSON_TYPE, 'Transfer-Encoding: chunked']),
    ]
    for (const answer of answers) await expectRefused(answer, { code: 'request.too_large' })
  })

  test('that breaks off, or is framed wrongly, is refused as unreadable and writes nothing', async () => {
    const before = await contentsOf(system.databaseUrl)
    const breaksOff = { breaksOff: true }
    const answers = [
      await post('{"market":"de"}', [JSON_TYPE, 'Content-Length: 50'], breaksOff),
      await post('ff\r\n{"market":"de"}', [JSON_TYPE, 'Transfer-Encoding: chunked'], breaksOff),
      await post('zz\r\n{}\r\n0\r\n\r\n', [JSON_TYPE, 'Transfer-Encoding: chunked']),
    ]
    for (const answer of answers) await expectRefused(answer, { code: 'request.malformed' })
    expect(await contentsOf(system.databaseUrl)).toEqual(before)
  })

  test('that a read brings is refused where it would be passed on, and never read elsewhere', async () => {
    const framed = [JSON_TYPE, 'Transfer-Encoding: chunked']
    for (const headers of [[JSON_TYPE, lengthOf('{}')], framed]) {
      const body = headers === framed ? chunked('{}') : '{}'
      const answer = await sendRaw(system.edgeUrl, { method: 'GET', target: CART, headers, body })
      await expectRefused(answer, { code: 'request.too_large' })
    }
    const target = '/v1/markets'
    const read = { method: 'GET', target, headers: framed, body: chunked('{}') }
    expect((await sendRaw(system.edgeUrl, read)).status).toBe(200)
  })
})

describe('a header', () => {
  test.each(['Tradewind-Cart-Secret', 'If-None-Match'])(
    'that is passed on may hold no bytes but ASCII and no more than its limit: %s',
    async (name) => {
      const pointer = `/${name.toLowerCase()}`
      for (const value of ['\xc3\xa9', 'a\xff', 'a\x01b', '\x7f']) {
        const answer = await ask(CART, [`${name}: ${value}`])
        await expectRefused(answer, { code: 'request.invalid', pointer, name: value })
      }
      for (const bytes of [4_097, 20_000]) {
        const answer = await ask(CART, [`${name}: ${'a'.repeat(bytes)}`])
        await expectRefused(answer, { code: 'request.too_large', pointer })
      }
    },
  )

  test('that only advises is ignored when it makes no sense', async () => {
    const nonsense = [
      'Accept-Language: \xff\xfe;;;q=zz,,,',
      `Accept-Language: ${',;q='.repeat(2_000)}`,
      'If-None-Match: """, W/, \xff',
      'Tradewind-Position: catalogue=-1;h=;;',
      'Tradewind-Position: catalogue=999999999999999999999;h=a',
      `Tradewind-Position: ${'catalogue=1;h=a,'.repeat(500)}`,
      'Tradewind-Context: request="x\\',
      'Tradewind-Minimum: \xff',
      'traceparent: 00-zz\xff-01',
      'traceparent: ff-00000000000000000000000000000000-0000000000000000-00',
      'Range: bytes=9-1',
      'Cookie: \xff=\x01',
      'Expect: nothing',
    ]
    for (const header of nonsense) {
      const answer = await ask('/v1/products?market=de&limit=1', [header])
      expect(answer.status, header).toBe(200)
      const refused = await ask(CART, [header])
      expect([400, 404], header).toContain(refused.status)
      await refusalOf(refused, header)
    }
  })

  test('a position of the future is answered, after a bounded number of polls', async () => {
    const header = 'Tradewind-Position: catalogue=999999999999;h=nobodys'
    for (let times = 0; times < 40; times += 1) {
      const answer = await ask('/v1/products?market=de&limit=2', [header])
      if (answer.status !== 200) await expectRefused(answer, { code: 'limit.exceeded' })
    }
  })
})

describe('an address', () => {
  test('that climbs stays within the API', async () => {
    for (const target of [
      '/v1/products/..',
      '/v1/products/%2e%2e',
      '/v1/products/../../internal/feed',
      '/docs/%2e%2e/internal/feed',
      '/internal/feed?feed=catalogue',
      '//v1//products',
      '/V1/products',
    ]) {
      await expectRefused(await ask(target), { code: 'route.unknown', name: target })
    }
  })

  test('past its limit is refused', async () => {
    for (const length of [4_097, 40_000]) {
      const answer = await ask(`/v1/products?market=de&x=${'a'.repeat(length)}`)
      await expectRefused(answer, { code: 'request.too_large' })
    }
  })

  test('is refused for a method that it does not have, with those it has', async () => {
    const cases: [string, string, string][] = [
      ['DELETE', '/v1/markets', 'GET, HEAD'],
      ['PUT', '/v1/carts', 'POST'],
      ['PROPFIND', '/v1/products/x', 'GET, HEAD'],
      ['TRACE', '/v1/markets', 'GET, HEAD'],
      ['DELETE', '/v1/carts/%ZZ', 'GET, HEAD'],
      ['POST', '/v1/staff/stock/X', 'GET, HEAD, PUT'],
      ['POST', '/docs', 'GET, HEAD'],
      ['DELETE', '/health/edge', 'GET, HEAD'],
    ]
    for (const [method, target, allowed] of cases) {
      const answer = await ask(target, [], method)
      expect(answer.headers.get('allow'), `${method} ${target}`).toBe(allowed)
      await expectRefused(answer, { code: 'method.not_allowed' })
    }
  })

  test('of a private read answers HEAD as GET, without a body', async () => {
    const opened = await system.client().carts.createCart({ body: { market: 'de' } })
    const target = `/v1/carts/${opened.cart.id}`
    const secret = `Tradewind-Cart-Secret: ${opened.secret}`
    const known = await ask(target, [secret], 'HEAD')
    expect([known.status, await known.text()]).toEqual([200, ''])
    const unknown = await ask(target, [], 'HEAD')
    expect([unknown.status, await unknown.text()]).toEqual([404, ''])
    expect(known.headers.get('cache-control')).toBe('no-store')
  })
})

/** Bytes that a request line or a header may hold, so that the request reaches us. */
const bytesOf = (pattern: RegExp) => fc.stringMatching(pattern)
const oddText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '\u0000',
    '\ud800',
    '__proto__',
    '../..',
    "';--",
    '%s%n',
    '1e999',
    '-0',
    '\ufeff',
  ),
)
const oddValue = fc.oneof(
  oddText,
  fc.jsonValue({ maxDepth: 4 }),
  fc.double(),
  fc.integer({ min: -(2 ** 53), max: 2 ** 53 }),
)

/** A value once in so many times, and none otherwise. */
const onceIn = <T>(times: number, arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })

const fuzzed = fc
  .record({
    named: fc.constantFrom(...allEndpoints()),
    otherMethod: onceIn(8, fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD')),
    params: onceIn(3, fc.oneof(oddText, bytesOf(/^[!-~]{1,30}$/))),
    query: fc.dictionary(
      fc.constantFrom('market', 'locale', 'limit', 'sort', 'after', 'category', 'position', 'x'),
      oddText,
      { maxKeys: 3 },
    ),
    headers: fc.dictionary(
      fc.constantFrom(...Object.values(HEADERS), 'content-type', 'if-none-match', 'traceparent'),
      bytesOf(/^[ -~\u0080-\u00ff]{0,40}$/),
      { maxKeys: 3 },
    ),
    isStaff: fc.boolean(),
    member: onceIn(2, fc.constantFrom('market', 'lines', 'set', 'prices', 'rows', 'handle', 'x')),
    value: oddValue,
    cutAt: onceIn(6, fc.nat(60)),
  })
  .map(({ named: { endpoint }, ...odd }) => {
    const method = odd.otherMethod ?? endpoint.method.toUpperCase()
    const names = Object.keys(endpoint.request.params?.shape ?? {})
    const replaced = odd.params === null ? {} : { [names[0] ?? '']: odd.params.toWellFormed() }
    const wellFormed = Object.entries(odd.query).map(([name, text]) => [name, text.toWellFormed()])
    const good = endpoint.request.body ? (sampleOf(endpoint.request.body) as object) : {}
    const body = odd.member === null ? good : { ...good, [odd.member]: odd.value }
    const text = JSON.stringify(odd.cutAt === 0 ? odd.value : body)
    return {
      method,
      target: `${pathOf(endpoint, replaced)}?${new URLSearchParams(wellFormed)}`,
      headers: odd.headers,
      isStaff: odd.isStaff,
      body: method === 'GET' || method === 'HEAD' ? '' : text.slice(0, odd.cutAt || undefined),
    }
  })

test('whatever chance asks is answered as declared or refused as a problem, never with a fault', async () => {
  const staff = `Authorization: Bearer ${system.tokens.staff}`
  const property = fc.asyncProperty(fuzzed, async ({ isStaff, headers, ...request }) => {
    const lines = Object.entries({ 'content-type': 'application/json', ...headers })
    const answer = await sendRaw(system.edgeUrl, {
      ...request,
      headers: [
        `Idempotency-Key: ${crypto.randomUUID()}`,
        ...(isStaff ? [staff] : []),
        ...lines.map(([name, value]) => `${name}: ${value}`),
        ...(request.body === '' ? [] : [lengthOf(request.body)]),
      ],
    })
    expect(answer.status, await answer.clone().text()).toBeLessThan(500)
    if (answer.status < 400) return
    if (request.method === 'HEAD') expect(await answer.text()).toBe('')
    else await refusalOf(answer)
  })
  // A failure prints its seed and the smallest request that fails.
  await fc.assert(property, { numRuns: FUZZ_REQUESTS })
})
