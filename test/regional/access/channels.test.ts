/** A scope that is held in one sales channel is good for what belongs to it, and for nothing else. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Cart } from '../../../shared/contracts/carts.ts'
import { order, orderOf } from '../../support/shop.ts'
import { addMember, type Role } from '../../support/staff.ts'
import { type CatalogCell, startCatalogCell } from '../catalog/fixtures.ts'

const CHANNELS = ['web', 'pos'] as const

let cell: CatalogCell
/** By channel, what staff may read of it. */
const paths = new Map<string, { cart: string; order: string }>()

beforeAll(async () => {
  cell = await startCatalogCell()
  await cell.publishedProduct({ variants: [{ sku: 'A-1', prices: { EUR: 100 }, available: 9 }] })
  for (const channel of CHANNELS) {
    const lines = [{ sku: 'A-1', quantity: 1 }]
    const response = await cell.call('post', '/v1/carts', {
      body: { market: 'de', lines, channel },
    })
    const { cart, secret } = (await response.json()) as { cart: Cart; secret: string }
    expect(cart.channel).toBe(channel)
    const placed = await orderOf(await order(cell, { id: cart.id, secret, cart }))
    paths.set(channel, { cart: `/v1/carts/${cart.id}`, order: `/v1/orders/${placed.id}` })
  }
})
afterAll(() => cell?.close())

/** What somebody with these roles may read, such as `web cart`. */
async function readableBy(...roles: Role[]): Promise<string[]> {
  const token = await (await addMember(cell, ...roles)).token()
  const readable: string[] = []
  for (const channel of CHANNELS) {
    for (const [what, path] of Object.entries(paths.get(channel)!)) {
      const { status } = await cell.call('get', path, { token })
      expect([200, 404]).toContain(status)
      if (status === 200) readable.push(`${channel} ${what}`)
    }
  }
  return readable
}

it('carts and orders are read in the channels in which their scopes are held', async () => {
  const web = { role: 'support', channel: 'web' }
  const pos = { role: 'support', channel: 'pos' }
  const every = ['web cart', 'web order', 'pos cart', 'pos order']
  expect(await readableBy('support')).toEqual(every)
  expect(await readableBy(web)).toEqual(['web cart', 'web order'])
  expect(await readableBy(pos)).toEqual(['pos cart', 'pos order'])
  expect(await readableBy(web, pos)).toEqual(every)
  expect(await readableBy(web, 'support')).toEqual(every)
  expect(await readableBy(web, 'auditor')).toEqual(['web cart', 'web order', 'pos order'])
  expect(await readableBy({ ...web, cell: 'us' })).toEqual([])
  expect(await readableBy('stock')).toEqual([])
})

it('what belongs to no channel needs the scope in every channel', async () => {
  const ask = async (...roles: Role[]) => {
    const token = await (await addMember(cell, ...roles)).token()
    const path = '/v1/staff/price-lists'
    return (await cell.call('get', path, { token })).status
  }
  expect(await ask({ role: 'stock', channel: 'web' })).toBe(403)
  expect(await ask({ role: 'stock', channel: 'web' }, { role: 'stock', channel: 'pos' })).toBe(403)
  expect(await ask('stock')).toBe(200)
})
