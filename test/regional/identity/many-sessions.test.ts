/** Ending very many sessions at once ends nobody else's tokens. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { FEED_TAGS_MAX } from '../../../shared/freshness/feed.ts'
import { accountTag } from '../../../shared/principal.ts'
import { ask, mustAsk, newCustomer, signIn } from '../../support/accounts.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'

let cell: TestCell
beforeAll(async () => {
  cell = await startTestCell()
})
afterAll(() => cell.close())

test('who ends more sessions than a change has tags ends their own tokens alone', async () => {
  const mine = await signIn(cell, await newCustomer(cell))
  const theirs = await signIn(cell, await newCustomer(cell))
  await queryRows(
    cell.url,
    `insert into session (id, account_id, idle_seconds, expires_at, ends_at)
     select 'ses_eu_' || md5(n::text), $1, 3600, 'infinity', 'infinity' from generate_series(0, $2::int) n`,
    [mine.accountId, FEED_TAGS_MAX],
  )
  await mustAsk(cell, 'delete /v1/sessions', { token: mine.accessToken })
  const changes = await queryRows<{ tags: string[] }>(
    cell.url,
    `select tags from feed_change where feed = 'cell' order by n desc limit 1`,
  )
  expect(changes).toEqual([{ tags: [accountTag(mine.accountId)] }])
  await vi.waitFor(
    async () => {
      const { status } = await ask(cell, 'get /v1/me', { token: mine.accessToken })
      expect(status).toBe(401)
    },
    { timeout: 4_000, interval: 50 },
  )
  await mustAsk(cell, 'get /v1/me', { token: theirs.accessToken })
  const { refreshToken } = mine
  await mustAsk(cell, 'post /v1/sessions/refresh', { body: { refreshToken } })
})
