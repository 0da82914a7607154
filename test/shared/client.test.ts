/** The typed client against a real server that answers from a script. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClient, type ResponseMeta } from '../../shared/client/create-client.ts'
import { ConnectionError, ProblemError, UnexpectedAnswerError } from '../../shared/client/errors.ts'
import { Problem } from '../../shared/problems.ts'

interface Seen {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}
type Answer = (response: ServerResponse) => void

const CART = `cart_eu_${'0'.repeat(32)}`
const ORDER = {
  expectedTotalMinor: 100,
  paymentMethod: 'test_accept',
  email: 'a@example.com',
  shippingAddress: { name: 'A', line1: 'B', city: 'C', postalCode: 'D', country: 'DE' },
} as const

let server: Server
let baseUrl: string
let seen: Seen[]
let script: Answer[]
let waits: number[]

function json(value: unknown, headers: Record<string, string> = {}, status = 200): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(value))
  }
}

function problem(refusal: Problem): Answer {
  const { status } = refusal
  const headers = Object.fromEntries(refusal.toResponse('req-1').headers)
  return json(refusal.toDetails('req-1'), headers, status)
}

const hangUp: Answer = (response) => {
  response.socket?.destroy()
}

function client(options: Partial<Parameters<typeof createClient>[0]> = {}) {
  return createClient({
    baseUrl,
    random: () => 0.5,
    delay: async (ms, signal) => {
      signal?.throwIfAborted()
      waits.push(ms)
    },
    ...options,
  })
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    seen.push({ method: request.method!, url: request.url!, headers: request.headers, body })
    const answer = script.length > 1 ? script.shift() : script[0]
    answer?.(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

beforeEach(() => {
  seen = []
  script = [json({})]
  waits = []
})

describe('a call', () => {
  it('is written as its contract says, with the defaults of the client', async () => {
    script = [json({ items: [], next: null })]
    const page = await client({ market: 'de', locale: 'en' }).catalog.listProducts({
      query: { locale: 'fr', limit: 3, category: 'tea' },
    })
    expect(page.items).toEqual([])
    expect(seen[0]).toMatchObject({
      method: 'GET',
      url: '/v1/products?category=tea&limit=3&locale=fr&market=de',
      body: '',
    })
    expect(seen[0]!.headers['idempotency-key']).toBeUndefined()
  })

  it('keeps a path parameter in its segment', async () => {
    await client().catalog.getProduct({ params: { handle: 'a/../b?c' } })
    expect(seen[0]!.url).toBe('/v1/products/a%2F..%2Fb%3Fc')
    for (const handle of ['..', '.', '']) {
      const call = client().catalog.getProduct({ params: { handle } })
      await expect(call).rejects.toThrow(TypeError)
    }
    expect(seen).toHaveLength(1)
  })

  it('presents the credentials of the client, and those of the call instead', async () => {
    const shop = client({ token: async () => 'one', cartSecret: 's1' })
    await shop.carts.getCart({ params: { cartId: CART } })
    await shop.carts.getCart({ params: { cartId: CART }, token: 'two', cartSecret: 's2' })
    const sent = seen.map(({ headers }) => [
      headers.authorization,
      headers['tradewind-cart-secret'],
    ])
    expect(sent).toEqual([
      ['Bearer one', 's1'],
      ['Bearer two', 's2'],
    ])
  })

  it('needs only the parts its contract declares', () => {
    const shop = client()
    const calls = () => [
      shop.catalog.listMarkets(),
      shop.carts.createCart(),
      // @ts-expect-error a product is asked for by its handle
      shop.catalog.getProduct(),
      // @ts-expect-error the order's body is needed
      shop.orders.placeOrder({ params: { cartId: CART } }),
      // @ts-expect-error markets take no query
      shop.catalog.listMarkets({ query: { market: 'de' } }),
      // @ts-expect-error no contract has this name
      shop.catalog.getNothing,
    ]
    expect(calls).toBeTypeOf('function')
  })

  it('reports status, cache, cell and time of every attempt', async () => {
    script = [
      problem(new Problem('cell.overloaded')),
      json({ items: [] }, { 'cache-status': 'tradewind; hit', 'tradewind-cell': 'eu' }),
    ]
    const reports: ResponseMeta[] = []
    await client().catalog.listMarkets({ onResponse: (meta) => reports.push(meta) })
    expect(reports.map(({ id, attempt, status }) => [id, attempt, status])).toEqual([
      ['catalog.listMarkets', 1, 503],
      ['catalog.listMarkets', 2, 200],
    ])
    expect(reports[1]).toMatchObject({ cacheStatus: 'tradewind; hit', cell: 'eu' })
    expect(reports[1]!.ms).toBeGreaterThan(0)
  })
})

describe('the position', () => {
  const positionIn = ({ url }: { url: string }) =>
    new URL(url, 'http://edge.test').searchParams.get('position')
  const at = (position: string) => json({ items: [] }, { 'tradewind-position': position })

  it('travels from answer to request and never goes back in one history', async () => {
    const shop = client()
    script = [at('catalogue=5;h=h1'), at('catalogue=3;h=h1'), at('catalogue=9;h=h1'), json({})]
    for (let call = 0; call < 4; call += 1) await shop.catalog.listMarkets()
    const sent = seen.map(positionIn)
    expect(sent).toEqual([null, 'catalogue=5;h=h1', 'catalogue=5;h=h1', 'catalogue=9;h=h1'])
    expect(shop.position).toBe('catalogue=9;h=h1')
  })

  it('is replaced by one of a new history, whatever its number', async () => {
    const shop = client({ position: 'catalogue=9;h=h1' })
    script = [at('catalogue=2;h=h2')]
    await shop.catalog.listMarkets()
    expect(positionIn(seen[0]!)).toBe('catalogue=9;h=h1')
    expect(shop.position).toBe('catalogue=2;h=h2')
  })

  it('is learnt from a refusal too, and a malformed one is ignored', async () => {
    const shop = client()
    script = [
      json(
        { code: 'product.unknown', title: 'x' },
        {
          'content-type': 'application/problem+json',
          'tradewind-position': 'catalogue=4;h=h1',
        },
        404,
      ),
      at('nonsense'),
    ]
    await expect(shop.catalog.getProduct({ params: { handle: 'a' } })).rejects.toThrow('x')
    await shop.catalog.listMarkets()
    expect(shop.position).toBe('catalogue=4;h=h1')
  })
})

describe('repeating', () => {
  it('a creating call is repeated under one key, and two calls have two keys', async () => {
    const shop = client()
    script = [
      hangUp,
      problem(new Problem('idempotency.running', { retryAfterSeconds: 1 })),
      json({}),
    ]
    await shop.orders.placeOrder({ params: { cartId: CART }, body: ORDER })
    await shop.orders.placeOrder({ params: { cartId: CART }, body: ORDER })
    const keys = seen.map(({ headers }) => headers['idempotency-key'])
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(keys.slice(0, 3)).toEqual([keys[0], keys[0], keys[0]])
    expect(keys[3]).not.toBe(keys[0])
    expect(new Set(seen.map(({ body }) => body)).size).toBe(1)
  })

  it('a key named by the caller is used', async () => {
    const idempotencyKey = 'my-own-key-0123456789'
    await client().carts.createCart({ idempotencyKey })
    expect(seen[0]!.headers['idempotency-key']).toBe(idempotencyKey)
    expect(seen[0]!.body).toBe('{}')
  })

  it('waits as long as the service asks, else longer each time', async () => {
    script = [
      hangUp,
      problem(new Problem('limit.exceeded', { retryAfterSeconds: 2 })),
      hangUp,
      json({ items: [] }),
    ]
    await client().catalog.listMarkets()
    expect(waits).toEqual([100, 2_500, 400])
  })

  it('ends after the attempts allowed, with the last refusal', async () => {
    script = [problem(new Problem('cell.unavailable'))]
    const call = client({ retries: { attemptsMax: 3 } }).catalog.listMarkets()
    await expect(call).rejects.toMatchObject({ code: 'cell.unavailable', retryAfterSeconds: 1 })
    expect(seen).toHaveLength(3)
  })

  it('ends at once when the wait would pass the time allowed', async () => {
    script = [problem(new Problem('limit.exceeded', { retryAfterSeconds: 3_600 }))]
    await expect(client().catalog.listMarkets()).rejects.toMatchObject({ status: 429 })
    expect(seen).toHaveLength(1)
    expect(waits).toEqual([])
  })

  it('a write that neither names its result nor carries a key is sent once', async () => {
    script = [hangUp]
    const productId = `prod_${'0'.repeat(32)}`
    const call = client().catalog.publishProduct({ params: { productId } })
    await expect(call).rejects.toBeInstanceOf(ConnectionError)
    expect(seen).toHaveLength(1)
  })

  it('a refusal that will not pass is not repeated', async () => {
    for (const code of [
      'payment.declined',
      'price.changed',
      'token.refused',
      'internal',
    ] as const) {
      seen = []
      script = [problem(new Problem(code))]
      const call = client().orders.placeOrder({ params: { cartId: CART }, body: ORDER })
      await expect(call).rejects.toMatchObject({ code })
      expect(seen, code).toHaveLength(1)
    }
  })

  it('an attempt that hangs is given up and repeated', async () => {
    const silent: Answer = () => {}
    script = [silent, json({ items: [] })]
    await client({ retries: { attemptMsMax: 50 } }).catalog.listMarkets()
    expect(seen).toHaveLength(2)
  })

  it('an answer cut in its body is repeated', async () => {
    const cut: Answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
      response.write('{"items":', () => response.socket?.destroy())
    }
    script = [cut, json({ items: [] })]
    expect(await client().catalog.listMarkets()).toEqual({ items: [] })
    expect(seen).toHaveLength(2)
  })
})

describe('failing', () => {
  it('a problem keeps its code, fields, request and further members', async () => {
    const errors = [{ in: 'body' as const, pointer: '/email', detail: 'must be an e-mail' }]
    script = [problem(new Problem('price.changed', { errors, extensions: { totalMinor: 1_234 } }))]
    const call = client().orders.placeOrder({ params: { cartId: CART }, body: ORDER })
    const error = await call.catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ProblemError)
    expect(error).toMatchObject({
      code: 'price.changed',
      status: 409,
      message: 'The total changed since it was shown',
      requestId: 'req-1',
      errors,
      extensions: { totalMinor: 1_234 },
    })
  })

  it('a page of somebody between is neither a result nor a problem', async () => {
    const page =
      (status: number): Answer =>
      (response) => {
        response.writeHead(status, { 'content-type': 'text/html' })
        response.end(`<html>${'x'.repeat(500)}`)
      }
    for (const status of [200, 404]) {
      script = [page(status)]
      const error = await client()
        .catalog.listMarkets()
        .catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(UnexpectedAnswerError)
      expect(error).toMatchObject({ status, contentType: 'text/html' })
      expect((error as UnexpectedAnswerError).bodyStart).toHaveLength(200)
    }
  })

  it('JSON that cannot be read is an unexpected answer', async () => {
    script = [
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end('{"items":')
      },
    ]
    await expect(client().catalog.listMarkets()).rejects.toBeInstanceOf(UnexpectedAnswerError)
  })

  it('a redirect is not followed, so no secret reaches another host', async () => {
    script = [
      (response) => {
        response.writeHead(307, { location: `${baseUrl}elsewhere` })
        response.end()
      },
    ]
    const call = client({ retries: { attemptsMax: 1 } }).carts.getCart({ params: { cartId: CART } })
    await expect(call).rejects.toBeInstanceOf(ConnectionError)
    expect(seen.map(({ url }) => url)).toEqual([`/v1/carts/${CART}`])
  })

  it('an aborted call ends with the reason and is not repeated', async () => {
    const abort = new AbortController()
    const reason = new Error('the shopper left')
    script = [
      () => {
        abort.abort(reason)
      },
    ]
    const call = client().catalog.listMarkets({ signal: abort.signal })
    await expect(call).rejects.toBe(reason)
    expect(seen).toHaveLength(1)
    await expect(client().catalog.listMarkets({ signal: abort.signal })).rejects.toBe(reason)
    expect(seen).toHaveLength(1)
  })

  it('an abort ends a wait', async () => {
    const abort = new AbortController()
    const reason = new Error('the shopper left')
    script = [problem(new Problem('limit.exceeded', { retryAfterSeconds: 30 }))]
    const shop = createClient({ baseUrl })
    const call = shop.catalog.listMarkets({
      signal: abort.signal,
      onResponse: () => queueMicrotask(() => abort.abort(reason)),
    })
    await expect(call).rejects.toBe(reason)
  })
})
