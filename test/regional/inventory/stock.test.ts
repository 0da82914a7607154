import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStock, returnStock, takeStock } from '../../../regional/modules/inventory/index.ts'
import type { Actor } from '../../../regional/platform/implement.ts'
import { GUEST } from '../../../shared/principal.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { ledgerFaults, problemOf, unitsOf } from '../../support/shop.ts'

let cell: TestCell
let token: string
const actor: Actor = { principal: GUEST, cartSecret: null, requestId: 'test' }

beforeAll(async () => {
  cell = await startTestCell()
  token = await accessToken({ sub: 'stf_stock' })
})
afterAll(() => cell.close())

async function stocked(sku: string, available: number): Promise<string> {
  await cell.services.db.inTransaction((tx) => openStock(tx, actor, [{ sku, available }]))
  return sku
}

function take(reference: string, lines: { sku: string; quantity: number }[]) {
  return cell.services.db.inTransaction((tx) => takeStock(tx, { reference, lines }))
}

function eventsOf(sku: string) {
  const text = `select payload->>'availability' as availability from outbox
    where type = 'inventory.availability_changed' and subject = $1 order by id`
  return queryRows<{ availability: string }>(cell.url, text, [sku])
}

test('opening stock gives each new SKU its units and leaves an existing level alone', async () => {
  await stocked('OPEN-1', 7)
  const opened = await cell.services.db.inTransaction((tx) =>
    openStock(tx, actor, [{ sku: 'OPEN-1', available: 99 }, { sku: 'OPEN-2' }]),
  )
  expect(opened.value).toEqual(
    new Map([
      ['OPEN-1', 'in_stock'],
      ['OPEN-2', 'out_of_stock'],
    ]),
  )
  expect(await unitsOf(cell, 'OPEN-1')).toBe(7)
  expect(await ledgerFaults(cell)).toEqual([])
})

test('stock is taken whole or not at all, and the SKUs that fall short are named', async () => {
  await stocked('WHOLE-1', 5)
  await stocked('WHOLE-2', 1)
  const taking = take('ord_1', [
    { sku: 'WHOLE-1', quantity: 2 },
    { sku: 'WHOLE-2', quantity: 2 },
    { sku: 'WHOLE-NONE', quantity: 1 },
  ])
  await expect(taking).rejects.toMatchObject({
    code: 'inventory.insufficient',
    extensions: { skus: ['WHOLE-2', 'WHOLE-NONE'] },
  })
  expect(await unitsOf(cell, 'WHOLE-1')).toBe(5)
  expect(await unitsOf(cell, 'WHOLE-2')).toBe(1)
})

test('what is taken and given back is in the ledger under its order', async () => {
  await stocked('LEDGER', 10)
  const change = { reference: 'ord_2', lines: [{ sku: 'LEDGER', quantity: 3 }] }
  await cell.services.db.inTransaction((tx) => takeStock(tx, change))
  expect(await unitsOf(cell, 'LEDGER')).toBe(7)
  await cell.services.db.inTransaction((tx) => returnStock(tx, change))
  const text = `select quantity, reason from stock_movement where reference = 'ord_2' order by id`
  expect(await queryRows(cell.url, text)).toEqual([
    { quantity: -3, reason: 'sold' },
    { quantity: 3, reason: 'returned' },
  ])
  expect(await unitsOf(cell, 'LEDGER')).toBe(10)
  expect(await ledgerFaults(cell)).toEqual([])
})

test('only a change of state is published, and no clock ticks', async () => {
  await stocked('STATES', 8)
  const clock = 'select n from feed_clock order by feed'
  const before = await queryRows(cell.url, clock)
  for (const quantity of [1, 2, 1, 4]) await take('ord_3', [{ sku: 'STATES', quantity }])
  expect(await eventsOf('STATES')).toEqual([
    { availability: 'low' },
    { availability: 'out_of_stock' },
  ])
  expect(await queryRows(cell.url, clock)).toEqual(before)
})

test('orders that share SKUs in any order neither deadlock nor oversell', async () => {
  const skus = ['MIX-1', 'MIX-2', 'MIX-3']
  for (const sku of skus) await stocked(sku, 20)
  const buyers = Array.from({ length: 60 }, (_, i) => {
    const lines = skus.map((sku) => ({ sku, quantity: 1 }))
    return take(`ord_mix_${i}`, i % 2 === 0 ? lines : lines.reverse())
  })
  const outcomes = await Promise.allSettled(buyers)
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  expect(refused).toHaveLength(40)
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'inventory.insufficient' })
  for (const sku of skus) expect(await unitsOf(cell, sku)).toBe(0)
  expect(await ledgerFaults(cell)).toEqual([])
})

test('staff read a level and set it, which leaves a movement and an audit row', async () => {
  await stocked('SET-1', 10)
  const path = '/v1/staff/stock/SET-1'
  const read = await cell.call('get', path, { token })
  expect(await read.json()).toEqual({
    sku: 'SET-1',
    available: 10,
    availability: 'in_stock',
    version: 1,
  })
  const set = await cell.call('put', path, { token, body: { available: 3, version: 1 } })
  expect(set.status).toBe(200)
  expect(await set.json()).toMatchObject({ available: 3, availability: 'low', version: 2 })
  expect(await eventsOf('SET-1')).toEqual([{ availability: 'low' }])
  const audit = 'select actor, action, request_id from audit where subject = $1'
  expect(await queryRows(cell.url, audit, ['SET-1'])).toEqual([
    { actor: 'stf_stock', action: 'inventory.set_stock', request_id: 'test' },
  ])
  expect(await ledgerFaults(cell)).toEqual([])
})

test('setting a level that changed since it was read is refused and names the version', async () => {
  await stocked('SET-2', 10)
  await take('ord_4', [{ sku: 'SET-2', quantity: 1 }])
  const body = { available: 50, version: 1 }
  const response = await cell.call('put', '/v1/staff/stock/SET-2', { token, body })
  expect(response.status).toBe(409)
  expect(await problemOf(response)).toMatchObject({
    code: 'inventory.version_conflict',
    version: 2,
  })
  expect(await unitsOf(cell, 'SET-2')).toBe(9)
  expect(await eventsOf('SET-2')).toEqual([])
})

test('setting a level to what it is moves nothing and is audited', async () => {
  await stocked('SET-3', 10)
  const set = () => cell.call('put', '/v1/staff/stock/SET-3', { token, body: { available: 10 } })
  expect((await set()).status).toBe(200)
  expect((await set()).status).toBe(200)
  const movements = `select count(*)::int as n from stock_movement where sku = 'SET-3'`
  expect(await queryRows(cell.url, movements)).toEqual([{ n: 1 }])
  const audits = `select count(*)::int as n from audit where subject = 'SET-3'`
  expect(await queryRows(cell.url, audits)).toEqual([{ n: 2 }])
})

test('an unknown SKU has no stock to read or set', async () => {
  const read = await cell.call('get', '/v1/staff/stock/NONE', { token })
  expect((await problemOf(read)).code).toBe('variant.unknown')
  const set = await cell.call('put', '/v1/staff/stock/NONE', { token, body: { available: 1 } })
  expect(set.status).toBe(404)
  expect((await problemOf(set)).code).toBe('variant.unknown')
})

test.each([
  ['a guest', async () => undefined],
  ['a customer', () => accessToken({ role: 'customer', sub: 'cus_1' })],
  ['staff without the scope', () => accessToken({ scopes: ['orders:read'] })],
])('%s may neither read nor set stock', async (_, tokenOf) => {
  await stocked('DENIED', 4)
  const without = await tokenOf()
  const read = await cell.call('get', '/v1/staff/stock/DENIED', { token: without })
  const set = await cell.call('put', '/v1/staff/stock/DENIED', {
    token: without,
    body: { available: 1 },
  })
  expect([read.status, set.status]).toEqual([403, 403])
  expect(await unitsOf(cell, 'DENIED')).toBe(4)
})

test('a scope to read does not set', async () => {
  await stocked('READ-ONLY', 4)
  const reader = await accessToken({ scopes: ['inventory:read'] })
  const path = '/v1/staff/stock/READ-ONLY'
  expect((await cell.call('get', path, { token: reader })).status).toBe(200)
  expect((await cell.call('put', path, { token: reader, body: { available: 1 } })).status).toBe(403)
})

test.each([
  [{ available: -1 }, '/available'],
  [{ available: 1.5 }, '/available'],
  [{ available: 1e12 }, '/available'],
  [{ available: '5' }, '/available'],
  [{ available: 5, sku: 'OTHER' }, '/sku'],
  [{}, '/available'],
])('a level of %j is refused, naming the field', async (body, pointer) => {
  const response = await cell.call('put', '/v1/staff/stock/ANY', { token, body })
  expect(response.status).toBe(400)
  expect(await problemOf(response)).toMatchObject({
    code: 'request.invalid',
    errors: [{ in: 'body', pointer }],
  })
})
