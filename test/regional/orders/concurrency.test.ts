import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { ledgerFaults, openCart, openShop, order, problemOf, unitsOf } from '../../support/shop.ts'

let cell: TestCell
const statements: string[] = []

beforeAll(async () => {
  cell = await startTestCell({
    config: { DATABASE_WAIT_MS_MAX: '30000' },
    onStatement: (text) => statements.push(text),
  })
  await openShop(cell, [
    { sku: 'HOT', available: 50 },
    { sku: 'CUP' },
    { sku: 'POT' },
    { sku: 'LID' },
  ])
})
afterAll(() => cell.close())

const BUYERS = 200

test('200 buyers of 50 units at the same time make exactly 50 paid orders', async () => {
  const carts = await Promise.all(
    Array.from({ length: BUYERS }, () => openCart(cell, [{ sku: 'HOT', quantity: 1 }])),
  )
  const responses = await Promise.all(carts.map((cart) => order(cell, cart)))
  const placed = responses.filter((response) => response.status === 201)
  const refused = responses.filter((response) => response.status === 409)
  expect([placed.length, refused.length]).toEqual([50, 150])
  for (const response of refused) {
    expect((await problemOf(response)).code).toBe('inventory.insufficient')
  }
  expect(await unitsOf(cell, 'HOT')).toBe(0)
  expect(await ledgerFaults(cell)).toEqual([])
  const text = `select o.state, payment.state as payment, book.outcome, count(*)::int as n
    from "order" o join payment on payment.order_id = o.id
      join test_provider_charge book on book.key = payment.id
    group by 1, 2, 3`
  expect(await queryRows(cell.url, text)).toEqual([
    { state: 'confirmed', payment: 'captured', outcome: 'captured', n: 50 },
  ])
})

test('an order of three lines takes eight round trips, beside the provider’s own', async () => {
  const cart = await openCart(
    cell,
    ['CUP', 'POT', 'LID'].map((sku) => ({ sku, quantity: 1 })),
  )
  statements.length = 0
  expect((await order(cell, cart)).status).toBe(201)
  const own = statements.filter((text) => !text.includes('test_provider_charge'))
  expect(own.map((text) => text.trim().split(/\s+/)[0])).toEqual([
    'begin',
    'insert',
    'with',
    'select',
    'with',
    'with',
    'commit',
    'with',
  ])
})
