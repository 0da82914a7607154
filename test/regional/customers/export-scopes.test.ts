/** An export holds orders and carts, so whoever may not read those may not read them there either. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { addCustomer } from '../../support/customers.ts'
import { accessToken } from '../../support/keys.ts'

let cell: TestCell
beforeAll(async () => {
  cell = await startTestCell()
})
afterAll(() => cell.close())

const needed = ['customers:read', 'orders:read', 'carts:read']

async function statusWith(scopes: readonly string[]): Promise<number> {
  const { id } = await addCustomer(cell)
  const token = await accessToken({ scopes })
  return (await cell.call('get', `/v1/staff/customers/${id}/export`, { token })).status
}

test('staff export a customer with the scopes of all that is in it', async () => {
  expect(await statusWith(needed)).toBe(200)
})

test.each(needed)('not without %s, or with it in one channel only', async (scope) => {
  const others = needed.filter((each) => each !== scope)
  expect(await statusWith(others)).toBe(403)
  expect(await statusWith([...others, `${scope}@web`])).toBe(403)
})
