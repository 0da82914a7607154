/** Prices of groups and schedules through real edges: each reader's own, from memory, and never another's. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Product, ProductPage, StaffProduct } from '../../shared/contracts/catalog.ts'
import type { PriceList } from '../../shared/contracts/price-lists.ts'
import { accessToken } from '../support/keys.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

/** An answer's life is told in whole seconds, rounded down: it never ends late, but for what is on its way. */
const SCHEDULE_MS_MAX = 1_000

let system: TestSystem
let readers: Record<'guest' | 'customer' | 'wholesale' | 'vip', string | null>

beforeAll(async () => {
  system = await startSystem({ edges: 2 })
  const customer = (sub: string, group?: string) =>
    accessToken({ role: 'customer', sub, ...(group === undefined ? {} : { group }) })
  readers = {
    guest: null,
    customer: await customer('cus_1'),
    wholesale: await customer('cus_2', 'wholesale'),
    vip: await customer('cus_3', 'vip'),
  }
})
afterAll(() => system?.close())

type Reader = keyof typeof readers
const READERS: readonly Reader[] = ['guest', 'customer', 'wholesale', 'vip']

async function get(
  path: string,
  reader: Reader,
  more: { edge?: number; position?: string | null } = {},
) {
  const { edge = 0, position = null } = more
  const token = readers[reader]
  const headers = new Headers()
  if (token !== null) headers.set('authorization', `Bearer ${token}`)
  if (position !== null) headers.set('tradewind-position', position)
  const response = await fetch(system.edgeUrls[edge] + path, { headers })
  if (!response.ok) throw new Error(await response.text())
  return response
}

async function write<T>(method: string, path: string, body?: unknown) {
  const response = await fetch(`${system.edgeUrl}/v1/staff${path}`, {
    method,
    headers: {
      authorization: `Bearer ${system.tokens.staff}`,
      'idempotency-key': crypto.randomUUID(),
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(await response.text())
  const position = response.headers.get('tradewind-position')!
  return { value: (await response.json()) as T, position }
}

let made = 0

async function onSale() {
  made += 1
  const handle = `listed-${made}`
  const sku = `LISTED-${made}`
  const { value } = await write<StaffProduct>('POST', '/products', {
    handle,
    translations: { en: { name: `Listed ${made}` } },
    variants: [{ sku, prices: { EUR: 1_000 }, available: 9 }],
  })
  const { position } = await write('POST', `/products/${value.id}/publish`)
  const path = `/v1/products/${handle}?market=de&locale=en`
  return { handle, sku, path, position }
}

async function listed(sku: string, amountMinor: number, more: object) {
  made += 1
  const body = { handle: `list-${made}`, name: 'A list', ...more }
  const { value: list } = await write<PriceList>('POST', '/price-lists', body)
  const variants = [{ sku, prices: { EUR: amountMinor } }]
  const { position } = await write('PUT', `/price-lists/${list.id}/prices`, { variants })
  return { id: list.id, position }
}

async function priceIn(response: Response): Promise<number> {
  return ((await response.json()) as Product).variants[0]!.price.amountMinor
}

test('each reader has its own group’s price from memory, whatever its query says, and each change', async () => {
  const { sku, path, handle } = await onSale()
  let { position } = await listed(sku, 800, { customerGroup: 'wholesale' })
  const vips = await listed(sku, 700, { customerGroup: 'vip' })
  position = vips.position
  const expected: Record<Reader, number> = {
    guest: 1_000,
    customer: 1_000,
    wholesale: 800,
    vip: 700,
  }
  const expectAll = async () => {
    for (const edge of [0, 1]) {
      for (const reader of READERS) {
        expect(await priceIn(await get(path, reader, { edge, position }))).toBe(expected[reader])
      }
      for (const reader of [...READERS, ...READERS]) {
        const response = await get(path, reader, { edge })
        expect(response.headers.get('cache-status')).toBe('tradewind; hit; detail=memory')
        expect(response.headers.get('cache-control')).toBe('no-cache')
        expect(response.headers.get('vary')).toContain('authorization')
        expect(await priceIn(response)).toBe(expected[reader])
        const claimed = await get(`${path}&group=vip&group=wholesale`, reader, { edge })
        expect(claimed.headers.get('cache-status')).toBe('tradewind; hit; detail=memory')
        expect(await priceIn(claimed)).toBe(expected[reader])
        const list = await get('/v1/products?market=de&locale=en&limit=100', reader, {
          edge,
          position,
        })
        const { items } = (await list.json()) as ProductPage
        const card = items.find((item) => item.handle === handle)!
        expect(card.priceFrom.amountMinor).toBe(expected[reader])
      }
    }
  }
  await expectAll()
  position = (await write('PATCH', `/price-lists/${vips.id}`, { customerGroup: null })).position
  Object.assign(expected, { guest: 700, customer: 700, wholesale: 700 })
  await expectAll()
  position = (await write('DELETE', `/price-lists/${vips.id}`)).position
  Object.assign(expected, { guest: 1_000, customer: 1_000, vip: 1_000, wholesale: 800 })
  await expectAll()
})

test('a scheduled price appears in its second, from entries kept since before it, at every edge', async () => {
  const { sku, path } = await onSale()
  const startsAtMs = Date.now() + 4_000
  const startsAt = new Date(startsAtMs).toISOString()
  const { position } = await listed(sku, 500, { startsAt })
  const list = '/v1/products?market=de&locale=en&sort=price&limit=1'
  const kept = async (edge: number) => {
    expect(await priceIn(await get(path, 'guest', { edge, position }))).toBe(1_000)
    const again = await get(path, 'guest', { edge })
    expect(again.headers.get('cache-status')).toMatch(/^tradewind; hit/)
    await get(list, 'guest', { edge, position })
    expect((await get(list, 'guest', { edge })).headers.get('cache-status')).toMatch(/; hit/)
  }
  await Promise.all([kept(0), kept(1)])
  expect(Date.now()).toBeLessThan(startsAtMs)
  const appearing = async (edge: number) => {
    for (let isNew = false; !isNew; ) {
      const askedAtMs = Date.now()
      const price = await priceIn(await get(path, 'guest', { edge }))
      const answeredAtMs = Date.now()
      isNew = price === 500
      if (isNew) expect(answeredAtMs).toBeGreaterThanOrEqual(startsAtMs)
      else expect(askedAtMs).toBeLessThan(startsAtMs + SCHEDULE_MS_MAX)
    }
    const { items } = (await (await get(list, 'guest', { edge })).json()) as ProductPage
    expect(items[0]!.priceFrom.amountMinor).toBeLessThanOrEqual(500)
    expect(await priceIn(await get(path, 'guest', { edge }))).toBe(500)
    const settled = await get(path, 'guest', { edge })
    expect(settled.headers.get('cache-status')).toBe('tradewind; hit; detail=memory')
  }
  await Promise.all([appearing(0), appearing(1)])
})
