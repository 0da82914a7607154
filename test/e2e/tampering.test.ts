/** A feed that is tampered with between cell and edge: it changes nothing that an edge knows, and ends in no error 500. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { EdgeHealth } from '../../edge/counters.ts'
import type { Product } from '../../shared/contracts/catalog.ts'
import { type Batch, FEED_STALE_MS_MAX } from '../../shared/freshness/feed.ts'
import { parsePosition } from '../../shared/freshness/position.ts'
import { type HttpRelay, startHttpRelay } from '../support/http-relay.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

const PATH = '/v1/products/dry-bag-set?market=de&locale=en'

let system: TestSystem
let relay: HttpRelay
let price = 6_000
let clients = 0

beforeAll(async () => {
  system = await startSystem({
    between: async (cellUrl) => {
      relay = await startHttpRelay(cellUrl)
      return relay.url
    },
  })
})
afterAll(async () => {
  await system?.close()
  await relay?.close()
})
beforeEach(() => {
  clients += 1
})
afterEach(() => {
  relay.tampering = null
})

async function send(path: string, position?: string): Promise<Response> {
  const headers = new Headers({ 'cf-connecting-ip': `192.0.2.${clients}` })
  if (position !== undefined) headers.set('tradewind-position', position)
  return await fetch(system.edgeUrl + path, { headers })
}

function changePrice(): Promise<string> {
  price += 1
  return system.changePrice('DRY-BAG-SET', price)
}

async function priceIn(response: Response): Promise<number> {
  expect(response.status).toBe(200)
  return ((await response.json()) as Product).variants[0]!.price.amountMinor
}

async function knowledge() {
  const { feed } = (await (await send('/health/edge')).json()) as EdgeHealth
  return { n: feed.n, floor: feed.floor, history: feed.history, resets: feed.resets }
}

/** What is sealed with one batch in it, with another in its place. */
function withBatch(sealed: string, change: (batch: Batch) => object): string {
  const end = sealed.indexOf('\n')
  return `${sealed.slice(0, end)}\n${JSON.stringify(change(JSON.parse(sealed.slice(end + 1)) as Batch))}`
}

const earlier: string[] = []
const tamperings: [what: string, tamper: (sealed: string) => string][] = [
  ['cut short', (sealed) => sealed.slice(0, -20)],
  ['without its seal', (sealed) => sealed.slice(sealed.indexOf('\n') + 1)],
  ['that is a page of a proxy', () => '<html>Sign in to the network</html>'],
  ['that is empty', () => ''],
  ['that lacks its changes', (sealed) => withBatch(sealed, (batch) => ({ ...batch, changes: [] }))],
  [
    'out of order',
    (sealed) =>
      withBatch(sealed, (batch) => ({ ...batch, changes: batch.changes.toReversed(), from: 0 })),
  ],
  [
    'forged to be ahead of the cell',
    (sealed) =>
      withBatch(sealed, ({ to, changes, ...batch }) => ({
        ...batch,
        to: to + 1,
        changes: [...changes, { n: to + 1, tags: ['*'] }],
      })),
  ],
  [
    'forged to be of another history',
    (sealed) =>
      withBatch(sealed, (batch) => ({
        ...batch,
        incarnation: { ...batch.incarnation, history: 'hforged' },
      })),
  ],
  [
    'that hides what changed',
    (sealed) =>
      withBatch(sealed, (batch) => ({
        ...batch,
        changes: batch.changes.map(({ n }) => ({ n, tags: ['product:other'] })),
      })),
  ],
  ['that was the answer to an earlier question', () => earlier[0]!],
]

test.each(tamperings)('a batch %s changes nothing', async (_, tamper) => {
  const before = await changePrice()
  relay.tampering = (path, body) => {
    if (path.startsWith('/internal/feed')) earlier.unshift(body)
    return null
  }
  expect(await priceIn(await send(PATH, before))).toBe(price)
  const known = await knowledge()
  const shown = price
  relay.tampering = (path, body) => (path.startsWith('/internal/feed') ? tamper(body) : null)
  const position = await changePrice()
  const startedAtMs = performance.now()
  const statuses = new Set<number>()
  // Until long after nothing can be vouched for any more.
  while (performance.now() - startedAtMs < FEED_STALE_MS_MAX + 500) {
    const named = await send(PATH, position)
    statuses.add(named.status)
    // Who has seen more gets nothing rather than the older answer; who has not, the copy that stands in.
    if (named.status === 200) expect(await priceIn(named)).toBe(price)
    expect(await priceIn(await send(PATH))).toBe(shown)
    expect(await knowledge()).toEqual(known)
  }
  expect([...statuses]).toEqual([503])
  relay.tampering = null
  await expect.poll(async () => (await send(PATH, position)).status).toBe(200)
  expect(await priceIn(await send(PATH, position))).toBe(price)
  const { n, history } = parsePosition(position, 'catalogue')!
  expect(await knowledge()).toEqual({ ...known, n, history })
})
