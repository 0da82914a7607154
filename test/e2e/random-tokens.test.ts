/** Ten thousand tokens by chance: no fault, nothing remembered, and the keys asked for no more often than their cooldown says. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KEYS_COOLDOWN_MS } from '../../edge/auth/published-keys.ts'
import { freePort } from '../../scripts/support/ports.ts'
import { heapBytesOf } from '../bench/inspector.ts'
import { bundledEdge, type RunningWorkerd, startWorkerd } from '../bench/workerd.ts'
import { randomTokens } from '../shared/random-tokens.ts'
import { type Forge, forgeOf } from '../shared/token-forge.ts'
import { type CellProcess, startCellProcess } from '../support/cell-process.ts'
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts'
import { cloneDatabase } from '../support/database.ts'
import { accessToken, edgeSecret, signingKey, signRequest } from '../support/keys.ts'

const PATH = '/v1/staff/products/prod_x'
const SEED = 20_261_101
const TOKENS = 10_000
const BATCHES = 5
const AT_ONCE = 16
/** Were each remembered, even in short, it would be several times as much. */
const GROWTH_BYTES_MAX = 500_000

let folder: string
let cell: CellProcess
let proxy: CountingProxy
let edge: RunningWorkerd
let inspectorPort: number
let forge: Forge
let tokens: string[]
let startedAtMs: number

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tradewind-random-tokens-'))
  cell = await startCellProcess(await cloneDatabase())
  proxy = await startCountingProxy(cell.url)
  inspectorPort = await freePort()
  startedAtMs = Date.now()
  edge = await startWorkerd({
    folder,
    name: 'random-tokens',
    source: bundledEdge(folder, 'test/bench/workers/full-edge.ts'),
    inspectorPort,
    bindings: {
      CELLS: JSON.stringify({ eu: { url: proxy.url } }),
      EDGE_SECRETS: JSON.stringify({ eu: edgeSecret }),
      DEFAULT_CELL: 'eu',
      ENVIRONMENT: 'production',
    },
  })
  forge = forgeOf(await accessToken(), signingKey)
  tokens = randomTokens(forge, SEED, TOKENS)
})
afterAll(async () => {
  await edge?.stop()
  await proxy?.close()
  await cell?.end()
  rmSync(folder, { recursive: true, force: true })
})

const edgeUrl = () => `http://127.0.0.1:${edge.port}`
const atEdge = (token: string) =>
  fetch(edgeUrl() + PATH, { headers: { authorization: `Bearer ${token}` } })

function atCell(token: string): Promise<Response> {
  const url = cell.url + PATH
  const context = 'request="test", market="de", locale="de"'
  const headers = new Headers({ authorization: `Bearer ${token}`, 'tradewind-context': context })
  return fetch(url, { headers: signRequest({ method: 'GET', url, headers }) })
}

/** How many got each status. */
async function statusesOf(
  sent: readonly string[],
  ask: (token: string) => Promise<Response>,
): Promise<Record<number, number>> {
  const counts: Record<number, number> = {}
  const rest = sent.values()
  const askAll = async () => {
    for (const token of rest) {
      const response = await ask(token)
      await response.arrayBuffer()
      counts[response.status] = (counts[response.status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, askAll))
  return counts
}

async function health() {
  const answer = await fetch(`${edgeUrl()}/health/edge`)
  return (await answer.json()) as {
    tokens: { remembered: number }
    counters: { tokensRefused: Record<string, number>; errors: Record<string, unknown> }
  }
}

async function heapBytes(): Promise<number> {
  await fetch(`${edgeUrl()}/collect`)
  return await heapBytesOf(inspectorPort)
}

function keyFetchesMax(): number {
  return 1 + Math.ceil((Date.now() - startedAtMs) / KEYS_COOLDOWN_MS)
}

describe('ten thousand tokens at the edge', () => {
  let before: number

  test('after a good one, and a burst under keys that nobody has', async () => {
    expect((await atEdge(forge.good)).status).not.toBe(401)
    const burst = randomTokens(forge, SEED + 1, 500)
    expect(await statusesOf(burst, atEdge)).toEqual({ 401: burst.length })
    expect((await health()).tokens.remembered).toBe(1)
    before = await heapBytes()
  })

  const batches = Array.from({ length: BATCHES }, (_, batch) => batch)
  test.each(batches)('are refused, all of them: batch %i', async (batch) => {
    const size = TOKENS / BATCHES
    const sent = tokens.slice(batch * size, (batch + 1) * size)
    expect(await statusesOf(sent, atEdge)).toEqual({ 401: sent.length })
  })

  test('leave nothing behind', async () => {
    const { tokens: known, counters } = await health()
    expect(known.remembered).toBe(1)
    expect(Object.keys(counters.tokensRefused).length).toBeLessThan(10)
    expect(Object.values(counters.tokensRefused).reduce((sum, one) => sum + one, 0)).toBe(10_500)
    // Most have the form of a token, so that they reach the keys.
    expect(counters.tokensRefused.unverified).toBeGreaterThan(TOKENS / 10)
    expect((await heapBytes()) - before).toBeLessThan(GROWTH_BYTES_MAX)
  })

  test('ask for the keys at most once a cooldown', () => {
    expect(proxy.count('/.well-known/jwks.json')).toBeLessThanOrEqual(keyFetchesMax())
  })

  test('do not keep a good one out', async () => {
    const again = forge.signed(forge.header, { ...forge.claims, jti: 'again' })
    expect((await atEdge(again)).status).not.toBe(401)
  })
})

test('the cell refuses all of them by itself', async () => {
  // An edge passes on no others.
  const plain = tokens.filter((token) => /^[\t -~]*$/.test(token))
  expect(plain.length).toBeGreaterThan(TOKENS / 2)
  expect(await statusesOf(plain, atCell)).toEqual({ 401: plain.length })
})
