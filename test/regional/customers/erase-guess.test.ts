/** A token alone neither erases its customer nor finds out their password. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LIMIT_POLICIES } from '../../../shared/limits/policies.ts'
import { newPassword } from '../../support/accounts.ts'
import { auditRows } from '../../support/audit.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { addCustomer } from '../../support/customers.ts'
import { queryRows } from '../../support/database.ts'
import { problemOf } from '../../support/shop.ts'

let cell: TestCell
beforeAll(async () => {
  cell = await startTestCell()
})
afterAll(() => cell.close())

test('a password is guessed no more often by asking for an erasure than by signing in', async () => {
  const password = newPassword()
  const customer = await addCustomer(cell, { password })
  const token = await customer.token()
  const erase = (guess: string) =>
    cell.call('post', '/v1/me/erase', { token, body: { password: guess } })
  const { quota } = LIMIT_POLICIES['sign-in'].account
  for (let tried = 0; tried < quota; tried += 1) {
    expect((await problemOf(await erase(newPassword()))).code).toBe('credentials.refused')
  }
  const refused = await erase(password)
  expect((await problemOf(refused)).code).toBe('limit.exceeded')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  const text = 'select status from account where id = $1'
  expect(await queryRows(cell.url, text, [customer.id])).toEqual([{ status: 'active' }])
  const rows = (await auditRows(cell.url)).filter(({ subject }) => subject === customer.id)
  expect(rows.map(({ action }) => action)).toEqual(Array(quota).fill('password.refused'))
})
