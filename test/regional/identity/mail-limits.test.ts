/** How often one mailbox can be written to by whoever asks for mail. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LIMIT_POLICIES } from '../../../shared/limits/policies.ts'
import { ask, newPassword } from '../../support/accounts.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'

let cell: TestCell
beforeAll(async () => {
  cell = await startTestCell()
})
afterAll(() => cell.close())

test('a mailbox is not filled by way of all the names that its owner could give it', async () => {
  const { quota } = LIMIT_POLICIES.recovery.account
  const statuses: number[] = []
  for (let tag = 0; tag <= quota; tag += 1) {
    const body = { email: `Victim+${tag}@people.test`, password: newPassword() }
    statuses.push((await ask(cell, 'post /v1/accounts', { body })).status)
  }
  expect(statuses).toEqual([...Array(quota).fill(200), 429])
  const other = { email: 'other+1@people.test', password: newPassword() }
  expect((await ask(cell, 'post /v1/accounts', { body: other })).status).toBe(200)
})
