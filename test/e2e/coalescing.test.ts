/** A product that just changed and that everybody asks for at once: what it costs each tier. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EdgeHealth } from '../../edge/counters.ts'
import type { Services } from '../../regional/platform/implement.ts'
import type { Product } from '../../shared/contracts/catalog.ts'
import { type HttpRelay, startHttpRelay } from '../support/http-relay.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

const PATH = '/v1/products/dry-bag-set?market=de&locale=en'
const READERS = 1_000

let system: TestSystem
let relay: HttpRelay
let price = 7_000

beforeAll(async () => {
  system = await startSystem({
    edges: 2,
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

/** A new price, of which no edge knows yet: what is forwarded teaches an edge nothing. */
function changePrice(): Promise<string> {
  price += 1
  return system.changePrice('DRY-BAG-SET', price)
}

async function readPrice(edge: string, position: string, reader: number): Promise<number> {
  const headers = {
    'tradewind-position': position,
    'cf-connecting-ip': `198.18.${Math.floor(reader / 250)}.${reader % 250}`,
  }
  const response = await fetch(edge + PATH, { headers })
  expect(response.status).toBe(200)
  return ((await response.json()) as Product).variants[0]!.price.amountMinor
}

async function edgeHealth(edge: string): Promise<EdgeHealth> {
  return (await (await fetch(`${edge}/health/edge`)).json()) as EdgeHealth
}

async function shieldHealth(): Promise<Services['shield']['health']> {
  const answer = await fetch(`${system.cellUrl}/health/cell`)
  return ((await answer.json()) as { shield: Services['shield']['health'] }).shield
}

test('costs each isolate one request at most and the cell one document, and all get the new bytes', async () => {
  for (const edge of system.edgeUrls) await readPrice(edge, await changePrice(), 0)
  for (let round = 0; round < 3; round += 1) {
    const position = await changePrice()
    const before = {
      asked: relay.asked.length,
      edges: await Promise.all(system.edgeUrls.map(edgeHealth)),
      shield: await shieldHealth(),
    }
    const reading = Array.from({ length: READERS }, (_, reader) =>
      readPrice(system.edgeUrls[reader % 2]!, position, reader),
    )
    expect(new Set(await Promise.all(reading))).toEqual(new Set([price]))

    const asked = relay.asked.slice(before.asked)
    const documents = asked.filter((path) => path.startsWith('/v1/products/'))
    expect(documents.length).toBeLessThanOrEqual(system.edgeUrls.length)
    expect(documents.length).toBeGreaterThan(0)
    const { reads, snapshots } = await shieldHealth()
    expect(snapshots.primary - before.shield.snapshots.primary).toBe(1)
    expect(reads.fills - before.shield.reads.fills).toBe(1)
    for (const [index, edge] of system.edgeUrls.entries()) {
      const after = await edgeHealth(edge)
      expect(after.reads.fills - before.edges[index]!.reads.fills).toBeLessThanOrEqual(1)
      // The one that the change forces, those of readers who came while it was under way, and the ordinary one.
      expect(after.feed.polls - before.edges[index]!.feed.polls).toBeLessThanOrEqual(3)
    }
  }
})
