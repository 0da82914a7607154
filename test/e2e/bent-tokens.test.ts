/** Whatever is wrong with a token, edge and cell answer the same 401, byte for byte. */
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JSONWebKeySet } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PROBLEM_CONTENT_TYPE, Problem } from '../../shared/problems.ts'
import { type BentToken, bentTokens } from '../shared/bent-tokens.ts'
import { type Forge, forgeOf, signature } from '../shared/token-forge.ts'
import { bundleEdge, startEdge, type TestEdge } from '../support/edge.ts'
import { accessToken, edgeSecret, signingKey, signRequest } from '../support/keys.ts'
import { sendRaw } from '../support/raw-http.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

/** A cached read and what is forwarded. */
const PATHS = ['/v1/products?market=de', '/v1/staff/products/prod_x']
const STAFF_PATH = PATHS[1]!
/** Longer headers are refused by the server itself, before a Worker or our application is asked. */
const HEADER_BYTES_MAX = 8_000
const AT_ONCE = 8

let system: TestSystem
let forge: Forge

beforeAll(async () => {
  system = await startSystem()
  forge = forgeOf(await accessToken(), signingKey)
})
afterAll(() => system?.close())

/** Status, headers and body, but for the request's id and the time. */
async function wordsOf(response: Response): Promise<string> {
  const body = (await response.text()).replace(REQUEST_ID, '"requestId":"…"')
  const headers = [...response.headers].filter(([name]) => !VARYING.includes(name)).sort()
  return [response.status, ...headers.map((header) => header.join(': ')), body].join('\n')
}

const REQUEST_ID = /"requestId":"[\w-]+"/
const VARYING = ['date', 'tradewind-request-id']
const REFUSAL = JSON.stringify(new Problem('token.refused').toDetails('…'))

const atEdge = (path: string, authorization: readonly string[]) =>
  sendRaw(system.edgeUrl, {
    method: 'GET',
    target: path,
    headers: authorization.map((value) => `Authorization: ${value}`),
  })

/** As an edge would pass it on that had not looked at it. */
function atCell(authorization: string): Promise<Response> {
  const url = system.cellUrl + STAFF_PATH
  const context = 'request="test", market="de", locale="de"'
  const headers = new Headers({ authorization, 'tradewind-context': context })
  const signed = signRequest({ method: 'GET', url, headers })
  return sendRaw(system.cellUrl, {
    method: 'GET',
    target: STAFF_PATH,
    headers: [...signed].map(([name, value]) => `${name}: ${value}`),
  })
}

/** Runs a few at a time, in order. */
async function forEach<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const rest = all.values()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const one of rest) await work(one)
    }),
  )
}

/** The different answers, each with the names of those that got it. */
async function answersTo<T>(
  all: readonly T[],
  ask: (one: T) => Promise<[name: string, answer: Response]>,
): Promise<Map<string, string[]>> {
  const answers = new Map<string, string[]>()
  await forEach(all, async (one) => {
    const [name, answer] = await ask(one)
    const words = await wordsOf(answer)
    answers.set(words, [...(answers.get(words) ?? []), name])
  })
  return answers
}

function expectOneRefusal(answers: ReadonlyMap<string, string[]>): void {
  // Of all but the commonest, who got them.
  const [refusal = '', ...others] = [...answers].sort(
    ([, one], [, other]) => other.length - one.length,
  )
  expect(others).toEqual([])
  const [status, ...lines] = refusal[0]!.split('\n')
  expect(status).toBe('401')
  expect(lines).toContain('www-authenticate: Bearer')
  expect(lines).toContain(`content-type: ${PROBLEM_CONTENT_TYPE}`)
  expect(lines.at(-1)).toBe(REFUSAL)
}

const isSendable = ({ token }: BentToken) => token.length < HEADER_BYTES_MAX
/** An edge passes on no others, and the cell's server reads none. */
const isPlain = ({ token }: BentToken) => /^[\t -~]*$/.test(token)

describe('the edge', () => {
  test('lets in the token that the others are made of', async () => {
    for (const path of PATHS) {
      const again = forge.signed(forge.header, forge.claims)
      expect((await atEdge(path, [`Bearer ${again}`])).status, path).not.toBe(401)
    }
  })

  test.each(PATHS)('answers each bent token alike at %s', async (path) => {
    const bent = bentTokens(forge).filter(isSendable)
    const answers = await answersTo(bent, async ({ name, token }) => [
      name,
      await atEdge(path, [`Bearer ${token}`]),
    ])
    expectOneRefusal(answers)
  })

  test('answers alike to a token that is too long, and never with a fault', async () => {
    const long = bentTokens(forge).filter((bent) => !isSendable(bent))
    expect(long.length).toBeGreaterThan(1)
    for (const { name, token } of long) {
      const { status } = await atEdge(STAFF_PATH, [`Bearer ${token}`])
      expect([400, 401, 431], name).toContain(status)
    }
  })

  test('answers alike to what is no bearer token, and to two at once', async () => {
    const { good } = forge
    const headers = [
      ...[
        [`Basic ${good}`],
        ['Bearer'],
        ['Bearer '],
        [good],
        [`Bearer  ${good}`],
        [`DPoP ${good}`],
      ],
      ...[[`Bearer\t${good}`], [`Bearer "${good}"`], [`Bearer ${good},`], [`Bearer ${good} x`]],
      ...[
        [`Bearer ${good}`, `Bearer ${good}`],
        ['Bearer x', `Bearer ${good}`],
      ],
      ...[
        [`Bearer ${good}`, 'Bearer x'],
        [`Bearer ${good}`, 'Basic eDp5'],
        [`Bearer ${good}`, ''],
      ],
    ]
    // Remembered or not.
    expect((await atEdge(STAFF_PATH, [`Bearer ${good}`])).status).not.toBe(401)
    const answers = await answersTo(headers, async (header) => [
      header.map((value) => value.replaceAll(good, 'GOOD')).join(' + '),
      await atEdge(STAFF_PATH, header),
    ])
    expectOneRefusal(answers)
  })

  test.each(['bearer', 'BEARER', 'bEARER'])('takes %s for the scheme it is', async (scheme) => {
    const again = forge.signed(forge.header, { ...forge.claims, jti: scheme })
    expect((await atEdge(STAFF_PATH, [`${scheme} ${again}`])).status).not.toBe(401)
  })
})

describe('the cell', () => {
  test('lets in the token that the others are made of', async () => {
    expect((await atCell(`Bearer ${forge.good}`)).status).not.toBe(401)
  })

  test('answers each bent token alike, though an edge has signed the request', async () => {
    const bent = bentTokens(forge).filter(isSendable).filter(isPlain)
    expect(bent.length).toBeGreaterThan(500)
    const answers = await answersTo(bent, async ({ name, token }) => [
      name,
      await atCell(`Bearer ${token}`),
    ])
    expectOneRefusal(answers)
  })
})

describe('of two cells', () => {
  let other: Awaited<ReturnType<typeof startKeySet>>
  let edge: TestEdge
  let forgeAbroad: Forge

  beforeAll(async () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const header = { ...forge.header, alg: 'ES256', kid: 'us-1' }
    const claims = { ...forge.claims, iss: 'tradewind:us' }
    const good = forge.forged(header, claims, (input) => signature(input, key))
    forgeAbroad = forgeOf(good, key)
    const published = { ...forgeAbroad.publicJwk, alg: 'ES256', use: 'sig' }
    other = await startKeySet({ keys: [published] })
    edge = await startEdge(system.cellUrl, await bundleEdge(), {
      bindings: {
        CELLS: JSON.stringify({ eu: { url: system.cellUrl }, us: { url: other.url } }),
        EDGE_SECRETS: JSON.stringify({ eu: edgeSecret, us: edgeSecret }),
      },
    })
  })
  afterAll(async () => {
    await edge?.close()
    await other?.close()
  })

  const atBoth = (token: string) =>
    sendRaw(edge.url, {
      method: 'GET',
      target: PATHS[0]!,
      headers: [`Authorization: Bearer ${token}`],
    })

  test('each signs for its own residents alone', async () => {
    const one = forge
    const two = forgeAbroad
    const statusOf = async (token: string) => (await atBoth(token)).status
    expect(await statusOf(one.good)).toBe(200)
    expect(await statusOf(two.good)).toBe(200)
    for (const [by, wrong] of [
      [one, two],
      [two, one],
    ] as const) {
      expect(await statusOf(by.signed(by.header, wrong.claims))).toBe(401)
      expect(await statusOf(by.signed(wrong.header, by.claims))).toBe(401)
      expect(await statusOf(by.signed(wrong.header, wrong.claims))).toBe(401)
    }
  })

  test('the one that signs by ES256 has its bent tokens answered alike', async () => {
    const bent = bentTokens(forgeAbroad).filter(isSendable)
    const answers = await answersTo(bent, async ({ name, token }) => [name, await atBoth(token)])
    expectOneRefusal(answers)
  })
})

/** As much of another cell as is needed to verify its tokens. */
async function startKeySet(keys: JSONWebKeySet) {
  const server = createServer((request, response) => {
    const isAsked = request.url === '/.well-known/jwks.json'
    response.writeHead(isAsked ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isAsked ? keys : {}))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${port}`, close }
}
