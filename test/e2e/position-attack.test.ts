/** Positions and handles that nobody was given, by the thousand: what they cost the cell, and everybody else. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { EdgeHealth } from '../../edge/counters.ts'
import { FORCED_POLLS } from '../../edge/limits/client.ts'
import type { Product } from '../../shared/contracts/catalog.ts'
import { FEED_REFRESH_MS, FORCED_POLL_SPACING_MS } from '../../shared/freshness/feed.ts'
import { parsePosition } from '../../shared/freshness/position.ts'
import { type HttpRelay, startHttpRelay } from '../support/http-relay.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

const PATH = '/v1/products/dry-bag-set?market=de&locale=en'
const SKU = 'DRY-BAG-SET'
const HONEST = '203.0.113.7'
const AT_ONCE = 32
/** Beside those that positions force: behind the answers, at most one in half of that time. */
const ORDINARY_POLLS_PER_SECOND = 2_000 / FEED_REFRESH_MS

let system: TestSystem
let relay: HttpRelay
let position: string
let price = 5_000

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

beforeEach(async () => {
  position = await changePrice()
  expect((await send(PATH, { position })).status).toBe(200)
})

interface Sent {
  client?: string
  position?: string
}

async function send(path: string, { client = HONEST, position }: Sent = {}): Promise<Response> {
  const headers = new Headers({ 'cf-connecting-ip': client })
  if (position !== undefined) headers.set('tradewind-position', position)
  const response = await fetch(system.edgeUrl + path, { headers })
  await response.clone().arrayBuffer()
  return response
}

function changePrice(): Promise<string> {
  price += 1
  return system.changePrice(SKU, price)
}

/** Everything that a client could make up, or hear of. */
function forged(turn: number): string {
  const history = parsePosition(position, 'catalogue')!.history
  const made = [
    `catalogue=${1_000_000 + turn};h=${history}`,
    `catalogue=${'9'.repeat(15)};h=${history}`,
    `catalogue=${turn};h=h${turn.toString(16).padStart(12, '0')}`,
    `catalogue=${parsePosition(position, 'catalogue')!.n + 1};h=${history}`,
    position,
    `catalogue=${turn}`,
    ';;;',
  ]
  return made[turn % made.length]!
}

interface Attack {
  statuses: Map<number, number>
  seconds: number
  polls: number
  documents: number
}

/** So many requests, `AT_ONCE` at a time, and what of them reached the cell. */
async function attack(requests: number, sent: (turn: number) => Sent): Promise<Attack> {
  const before = relay.asked.length
  const statuses = new Map<number, number>()
  const startedAtMs = performance.now()
  let turn = 0
  const attacker = async () => {
    while (turn < requests) {
      turn += 1
      const { status } = await send(PATH, sent(turn))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, attacker))
  const asked = relay.asked.slice(before)
  const polls = asked.filter((path) => path.startsWith('/internal/feed')).length
  const documents = asked.filter((path) => path.startsWith('/v1/products')).length
  return { statuses, seconds: (performance.now() - startedAtMs) / 1_000, polls, documents }
}

/** Reads of one honest client until told to stop: how long each took, and where it came from. */
function honestReader() {
  const took: number[] = []
  const from = new Set<string | null>()
  let isDone = false
  const reading = (async () => {
    while (!isDone) {
      const startedAtMs = performance.now()
      const response = await send(PATH)
      took.push(performance.now() - startedAtMs)
      expect(response.status).toBe(200)
      from.add(response.headers.get('cache-status'))
    }
  })()
  return {
    reads: () => took.length,
    stop: async () => {
      isDone = true
      await reading
      const sorted = took.toSorted((one, other) => one - other)
      const at = (share: number) => sorted[Math.floor(sorted.length * share)]!.toFixed(1)
      return { from, figures: `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms of ${sorted.length} reads` }
    },
  }
}

/** What an honest reader sees while the work goes on, beside the same traffic without positions. */
async function besideHonestReader<T>(name: string, requests: number, work: () => Promise<T>) {
  const alone = honestReader()
  await expect.poll(alone.reads, { timeout: 10_000 }).toBeGreaterThan(200)
  tell(`${name}: alone ${(await alone.stop()).figures}`)
  const calmReader = honestReader()
  const calm = await attack(requests, () => ({ client: '198.51.100.1' }))
  const before = await calmReader.stop()
  const reader = honestReader()
  const value = await work()
  const during = await reader.stop()
  expect([...during.from], 'hits stay hits').toEqual(['tradewind; hit; detail=memory'])
  tell(`${name}: beside as many plain reads (${calm.seconds.toFixed(1)} s) ${before.figures}`)
  tell(`${name}: beside the attack ${during.figures}`)
  return value
}

async function health(): Promise<EdgeHealth> {
  return (await (await send('/health/edge')).json()) as EdgeHealth
}

/** Figures that a reader of the run's output may want. */
function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}

function figuresOf({ statuses, seconds, polls, documents }: Attack): string {
  const counts = [...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')
  return `${counts} in ${seconds.toFixed(1)} s; ${polls} polls, ${documents} documents at the cell`
}

describe('positions that nobody was given', () => {
  test('from one address cost the cell a burst and a rate, and nobody else anything', async () => {
    const attacked = await besideHonestReader('one address', 2_500, () =>
      attack(2_500, (turn) => ({ client: '192.0.2.66', position: forged(turn) })),
    )
    tell(`one address: ${figuresOf(attacked)}`)
    expect(
      [...attacked.statuses.keys()].filter((status) => status !== 200 && status !== 429),
    ).toEqual([])
    const { burst, refillMs } = FORCED_POLLS
    const most = burst + (1_000 / refillMs + ORDINARY_POLLS_PER_SECOND) * attacked.seconds + 2
    expect(attacked.polls).toBeLessThanOrEqual(most)
    expect(attacked.documents).toBe(0)
  })

  test('from thousands of addresses cost the cell no more than the distance between polls allows', async () => {
    const before = await health()
    const attacked = await besideHonestReader('many addresses', 2_500, () =>
      attack(2_500, (turn) => ({ client: addressOf(turn), position: forged(turn) })),
    )
    tell(`many addresses: ${figuresOf(attacked)}`)
    expect([...attacked.statuses.keys()]).toEqual([200])
    const perSecond = 1_000 / FORCED_POLL_SPACING_MS + ORDINARY_POLLS_PER_SECOND
    expect(attacked.polls).toBeLessThanOrEqual(perSecond * attacked.seconds + 2)
    expect(attacked.documents).toBe(0)
    expect((await health()).reads.unavailable).toBe(before.reads.unavailable)
  })

  test('do not keep who just wrote from reading it, soon and without a refusal', async () => {
    const took: number[] = []
    let isDone = false
    const attacking = (async () => {
      let turn = 10_000
      while (!isDone) {
        await attack(200, () => {
          turn += 1
          return { client: addressOf(turn), position: forged(turn) }
        })
      }
    })()
    for (let writes = 0; writes < 20; writes += 1) {
      const written = await changePrice()
      const startedAtMs = performance.now()
      const response = await send(PATH, { position: written })
      took.push(performance.now() - startedAtMs)
      expect(response.status).toBe(200)
      const product = (await response.json()) as Product
      expect(product.variants[0]!.price.amountMinor).toBe(price)
    }
    isDone = true
    await attacking
    took.sort((one, other) => one - other)
    tell(
      `own write during the attack: p50 ${took[10]!.toFixed(1)} ms, most ${took[19]!.toFixed(1)} ms`,
    )
    expect(took[10]).toBeLessThan(1_000)
  })

  test('that are real and new force one poll for all who bring them', async () => {
    await changePrice()
    const newest = await changePrice()
    const before = relay.asked.length
    const asked = Array.from({ length: 500 }, (_, turn) =>
      send(PATH, { client: addressOf(turn), position: newest }),
    )
    for (const { status } of await Promise.all(asked)) expect(status).toBe(200)
    const paths = relay.asked.slice(before)
    expect(paths.filter((path) => path.startsWith('/internal/feed')).length).toBeLessThanOrEqual(3)
    expect(paths.filter((path) => path.startsWith('/v1/products'))).toHaveLength(1)
  })
})

/** One of the addresses that are kept for measurements (RFC 2544). */
function addressOf(turn: number): string {
  return `198.18.${Math.floor(turn / 250) % 250}.${turn % 250}`
}

describe('handles that nobody has', () => {
  test('cost the cell one read each, and push out nothing that is sold', async () => {
    const list = await send('/v1/products?market=de&locale=en&limit=50')
    const { items } = (await list.json()) as { items: { handle: string }[] }
    const real = items.map(({ handle }) => `/v1/products/${handle}?market=de&locale=en`)
    for (const path of real) await send(path)
    const before = relay.asked.length
    const handles = Array.from({ length: 3_000 }, () => `no-${crypto.randomUUID()}`)
    let next = 0
    const prober = async () => {
      while (next < handles.length) {
        const path = `/v1/products/${handles[next]}?market=de&locale=en`
        const times = next % 10 === 0 ? 3 : 1
        next += 1
        const asked = await Promise.all(Array.from({ length: times }, () => send(path)))
        for (const { status } of asked) expect(status).toBe(404)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, prober))
    const reads = relay.asked.slice(before).filter((path) => path.startsWith('/v1/products/no-'))
    expect(reads).toHaveLength(handles.length)
    expect(new Set(reads).size).toBe(handles.length)
    for (const path of real) {
      const { headers } = await send(path)
      expect(headers.get('cache-status')).toBe('tradewind; hit; detail=memory')
    }
    const { memory } = await health()
    const kept = `${memory.entries} entries, ${(memory.bytes / 1_048_576).toFixed(2)} MiB`
    tell(`${handles.length} handles: ${reads.length} reads of the cell; memory then: ${kept}`)
  })
})
