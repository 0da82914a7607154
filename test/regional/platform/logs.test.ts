/** What a cell writes to its log: enough to find a fault, and nobody's data or secrets. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../../regional/platform/clock.ts'
import { type CellCall, requestOf, startTestCell } from '../../support/cell.ts'
import { type CellProcess, startCellProcess } from '../../support/cell-process.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { accessToken, signRequest } from '../../support/keys.ts'
import { type OpenedCart, openCart, openShop, orderBody } from '../../support/shop.ts'

let cell: CellProcess
let url: string
let held: OpenedCart

beforeAll(async () => {
  url = await cloneDatabase()
  const shop = await startTestCell({ url })
  await openShop(shop, [{ sku: 'MUG' }])
  held = await openCart(shop, [{ sku: 'MUG', quantity: 1 }])
  await shop.close()
  cell = await startCellProcess(url, { LOG_LEVEL: 'debug' })
})
afterAll(async () => {
  await cell.end('SIGKILL')
})

async function call(method: string, path: string, options: CellCall = {}) {
  return await fetch(cell.url + path, requestOf(method, path, options, systemClock))
}

/** The lines written about refusals since the last look. */
let seen = 0
async function refusals(count: number): Promise<Record<string, unknown>[]> {
  const all = () =>
    cell
      .output()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line.msg === 'refused')
  await expect.poll(() => all().length).toBe(seen + count)
  seen += count
  return all().slice(-count)
}

test('a request that no edge signed is told why in the log, though not in the answer', async () => {
  const stale = { now: () => new Date(Date.now() - 600_000) }
  const answers = [
    await fetch(`${cell.url}/v1/markets`),
    await fetch(`${cell.url}/v1/markets`, requestOf('get', '/v1/markets', {}, stale)),
  ]
  for (const answer of answers) expect(await answer.text()).not.toContain('expired')
  expect(await refusals(2)).toMatchObject([
    { level: 'warn', code: 'request.unsigned', reason: 'unsigned' },
    { level: 'warn', code: 'request.unsigned', reason: 'expired' },
  ])
})

test('a token is refused with its reason in the log', async () => {
  const token = await accessToken({ claims: { aud: 'elsewhere' } })
  expect((await call('get', '/v1/markets', { token })).status).toBe(401)
  const [line] = await refusals(1)
  expect(line).toMatchObject({ code: 'token.refused', cause: 'claims' })
  expect(cell.output()).not.toContain(token)
})

test('a body that cannot be read is not quoted', async () => {
  const path = `/v1/carts/${held.id}/order`
  const body = JSON.stringify(orderBody(held.cart)).replace('"ada@', 'ada@')
  const headers = new Headers({ 'tradewind-cart-secret': held.secret })
  const signed = signRequest({ method: 'post', url: cell.url + path, headers, body })
  const response = await fetch(cell.url + path, { method: 'POST', headers: signed, body })
  expect(response.status).toBe(400)
  const [line] = await refusals(1)
  expect(line).toMatchObject({ code: 'request.malformed', error: 'SyntaxError' })
  expect(line).not.toHaveProperty('reason')
})

test('a statement that fails leaves its code and its place, and none of what it was given', async () => {
  await queryRows(
    url,
    `create function refuse() returns trigger language plpgsql as $$
      begin raise exception 'no order for % %', new.email, new.shipping_address; end $$`,
  )
  await queryRows(
    url,
    `create trigger refuse before insert on "order" for each row execute function refuse()`,
  )
  const body = orderBody(held.cart)
  const line2 = '\n    at Hauptstraße (file:///home/ada.ts:1:1)\n    at x'
  body.shippingAddress = { ...body.shippingAddress, line2 } as typeof body.shippingAddress
  const path = `/v1/carts/${held.id}/order`
  const response = await call('post', path, { cartSecret: held.secret, body })
  expect(response.status).toBe(500)
  const [line] = await refusals(1)
  expect(line).toMatchObject({ level: 'error', code: 'internal', cause: 'P0001', error: 'error' })
  expect(line!.stack).toMatch(/^\s+at /)
  expect(line).not.toHaveProperty('reason')
})

test('no line holds an e-mail address, a street or a cart’s secret', () => {
  const output = cell.output()
  for (const word of ['@example.com', 'Hauptstra', 'home/ada', 'Muster', held.secret]) {
    expect(output.includes(word), word).toBe(false)
  }
})
