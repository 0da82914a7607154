/** What the edge signs, received by a real server and judged by the cell's own verifier. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readEdgeConfig } from '../../edge/config.ts'
import { type CellRequest, fetchSigned } from '../../edge/forward/fetch-signed.ts'
import { systemClock } from '../../regional/platform/clock.ts'
import { EdgeSignatures, isDigestOf } from '../../regional/platform/edge-signature.ts'

const secret = `edge-1:${randomBytes(32).toString('base64url')}`
const other = `edge-1:${randomBytes(32).toString('base64url')}`

interface Received {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}

let server: Server
let received: Received[] = []
let status = 200

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    received.push({ method, url, headers, body: await text(request) })
    if (status === 302) response.setHeader('location', '/elsewhere')
    if (status !== 0) response.writeHead(status).end('ok')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

function cell() {
  const { port } = server.address() as AddressInfo
  return readEdgeConfig({
    CELLS: JSON.stringify({ eu: { url: `http://127.0.0.1:${port}` } }),
    EDGE_SECRETS: JSON.stringify({ eu: secret }),
    DEFAULT_CELL: 'eu',
    ENVIRONMENT: 'development',
  }).defaultCell
}

async function send(request: Partial<CellRequest> = {}): Promise<Received> {
  received = []
  await fetchSigned(cell(), { method: 'GET', path: '/v1/markets', timeoutMs: 5_000, ...request })
  return received[0]!
}

function refusalOf({ method, url, headers }: Received, secrets = [secret]) {
  const mark = url.indexOf('?')
  return new EdgeSignatures(secrets, systemClock).refusalOf({
    method,
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? '' : url.slice(mark),
    header: (name) => headers[name] as string | undefined,
  })
}

describe('a signed request', () => {
  it.each<[string, Partial<CellRequest>]>([
    ['a read', {}],
    ['a query', { path: '/v1/products?category=tea%20pots&sort=-price' }],
    ['characters that are encoded on the way', { path: "/v1/carts/it's?after=it's!()*" }],
    ['headers that are covered', { headers: new Headers({ 'if-none-match': '"a"' }) }],
    [
      'headers and a body',
      {
        method: 'POST',
        path: '/v1/carts',
        headers: new Headers({
          authorization: 'Bearer a.b.c',
          'content-type': 'application/json',
          'idempotency-key': 'k',
          'tradewind-minimum': 'catalogue=8;h=ha',
          'tradewind-context': 'request="r", market="de"',
        }),
        body: new TextEncoder().encode('{"name":"Kännchen"}'),
      },
    ],
  ])('with %s is trusted by the cell, once', async (_, request) => {
    const arrived = await send(request)
    expect(refusalOf(arrived)).toBeNull()
    const signatures = new EdgeSignatures([other, secret.replace('edge-1', 'edge-2')], systemClock)
    expect(signatures).toBeDefined()
    expect(refusalOf(arrived, [other])).toBe('altered')
    if (request.body) {
      const digest = arrived.headers['content-digest'] as string
      expect(isDigestOf(new TextEncoder().encode(arrived.body), digest)).toBe(true)
    }
  })

  it('is refused when anything that it covers was changed on the way', async () => {
    const arrived = await send({
      path: '/v1/products?sort=name',
      headers: new Headers({ 'tradewind-minimum': 'catalogue=8;h=ha' }),
    })
    const altered: Received[] = [
      { ...arrived, method: 'DELETE' },
      { ...arrived, url: '/v1/markets?sort=name' },
      { ...arrived, url: '/v1/products?sort=price' },
      { ...arrived, headers: { ...arrived.headers, 'tradewind-minimum': 'catalogue=1;h=ha' } },
      { ...arrived, headers: { ...arrived.headers, authorization: 'Bearer a.b.c' } },
    ]
    for (const each of altered) expect(refusalOf(each)).toMatch(/altered|components/)
  })

  it('has a nonce of its own each time', async () => {
    const nonces = new Set<string>()
    for (let times = 0; times < 5; times += 1) {
      const { headers } = await send()
      nonces.add(/nonce="([^"]+)"/.exec(headers['signature-input'] as string)![1]!)
    }
    expect(nonces.size).toBe(5)
  })

  it('is not followed to wherever an answer points', async () => {
    status = 302
    const response = await fetchSigned(cell(), { method: 'GET', path: '/', timeoutMs: 5_000 })
    expect(response.status).toBe(302)
    status = 200
  })

  it('that is not answered in time rejects', async () => {
    status = 0
    await expect(fetchSigned(cell(), { method: 'GET', path: '/', timeoutMs: 50 })).rejects.toThrow()
    status = 200
  })
})
