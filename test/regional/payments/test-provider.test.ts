import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Charge, TestProvider, withinTime } from '../../../regional/modules/payments/index.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'

let cell: TestCell
let provider: TestProvider
beforeAll(async () => {
  cell = await startTestCell()
  provider = new TestProvider(cell.services)
})
afterAll(() => cell.close())

const charge = (key: string, method = 'test_accept'): Charge => ({
  key,
  amountMinor: 1_250,
  currency: 'EUR',
  method,
})
const never = new AbortController().signal

const bookOf = (key: string) =>
  queryRows(
    cell.url,
    `select amount_minor::int as amount, currency, outcome from test_provider_charge where key = $1`,
    [key],
  )

test('a key is charged once, however often and however many at a time ask', async () => {
  const asking = Array.from({ length: 20 }, () => provider.charge(charge('pay_once'), never))
  expect(new Set(await Promise.all(asking))).toEqual(new Set(['captured']))
  expect(await provider.charge(charge('pay_once', 'test_decline'), never)).toBe('captured')
  expect(await bookOf('pay_once')).toEqual([
    { amount: 1_250, currency: 'EUR', outcome: 'captured' },
  ])
  expect(await provider.lookup('pay_once')).toBe('captured')
})

test('a decline is remembered', async () => {
  expect(await provider.charge(charge('pay_no', 'test_decline'), never)).toBe('declined')
  expect(await provider.lookup('pay_no')).toBe('declined')
})

test('an unknown key has no outcome', async () => {
  expect(await provider.lookup('pay_none')).toBeNull()
})

test('a cancelled key can never be charged', async () => {
  expect(await provider.cancel('pay_late')).toBe('cancelled')
  expect(await provider.charge(charge('pay_late'), never)).toBe('cancelled')
  expect(await provider.lookup('pay_late')).toBe('cancelled')
})

test('cancelling after a charge tells how the charge ended and undoes nothing', async () => {
  await provider.charge(charge('pay_early'), never)
  expect(await provider.cancel('pay_early')).toBe('captured')
  expect(await provider.lookup('pay_early')).toBe('captured')
})

test('of a charge and a cancellation at the same time both are told the same', async () => {
  for (let i = 0; i < 20; i += 1) {
    const key = `pay_race_${i}`
    const [charged, cancelled] = await Promise.all([
      provider.charge(charge(key), never),
      provider.cancel(key),
    ])
    expect(charged).toBe(cancelled)
  }
})

test.each([
  ['test_timeout', 'captured'],
  ['test_timeout_uncharged', null],
])('%s loses its answer, and the book says %s', async (method, outcome) => {
  const key = `pay_${method}`
  const asking = withinTime(20, (signal) => provider.charge(charge(key, method), signal))
  await expect(asking).rejects.toMatchObject({ name: 'TimeoutError' })
  expect(await provider.lookup(key)).toBe(outcome)
})

test('a vendor that heeds no signal is waited for no longer than the time it has', async () => {
  const deaf = () => new Promise<never>(() => {})
  await expect(withinTime(10, deaf)).rejects.toMatchObject({ name: 'TimeoutError' })
})
