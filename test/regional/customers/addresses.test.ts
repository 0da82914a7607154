import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ADDRESSES_MAX, type SavedAddress } from '../../../shared/contracts/customers.ts'
import { newCellId } from '../../../shared/ids.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { addCustomer, type TestCustomer } from '../../support/customers.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { ADDRESS, problemOf } from '../../support/shop.ts'

const PATH = '/v1/me/addresses'

let cell: TestCell
let customer: TestCustomer
let token: string

beforeAll(async () => {
  cell = await startTestCell()
})
afterAll(() => cell.close())
beforeEach(async () => {
  customer = await addCustomer(cell)
  token = await customer.token()
})

const save = (body: object, call: object = {}) => cell.call('post', PATH, { token, body, ...call })

async function saved(body: object = ADDRESS): Promise<SavedAddress> {
  const response = await save(body)
  expect(response.status).toBe(201)
  return (await response.json()) as SavedAddress
}

async function listed(by = token): Promise<SavedAddress[]> {
  const response = await cell.call('get', PATH, { token: by })
  return ((await response.json()) as { items: SavedAddress[] }).items
}

test('an address is saved, replaced and deleted', async () => {
  const first = await saved({ ...ADDRESS, line2: 'Hinterhaus' })
  expect(first).toMatchObject({ ...ADDRESS, line2: 'Hinterhaus', isDefault: false })
  const path = `${PATH}/${first.id}`
  const replaced = await cell.call('put', path, { token, body: { ...ADDRESS, city: 'Köln' } })
  // What is not named any more is gone: it is the whole address that is replaced.
  const { line2: _, ...rest } = first
  expect(await replaced.json()).toEqual({ ...rest, city: 'Köln' })
  expect(await listed()).toEqual([{ ...rest, city: 'Köln' }])
  expect((await cell.call('delete', path, { token })).status).toBe(200)
  expect(await listed()).toEqual([])
  expect((await problemOf(await cell.call('delete', path, { token }))).code).toBe('address.unknown')
})

test('a default takes the place of the one before', async () => {
  const first = await saved({ ...ADDRESS, isDefault: true })
  const second = await saved({ ...ADDRESS, isDefault: true })
  const defaults = async () => (await listed()).filter((each) => each.isDefault).map(({ id }) => id)
  expect(await defaults()).toEqual([second.id])
  const body = { ...ADDRESS, isDefault: true }
  await cell.call('put', `${PATH}/${first.id}`, { token, body })
  expect(await defaults()).toEqual([first.id])
  await cell.call('put', `${PATH}/${first.id}`, { token, body: ADDRESS })
  expect(await defaults()).toEqual([])
})

test('an address of another customer is not known, and stays', async () => {
  const mine = await saved()
  const other = await (await addCustomer(cell)).token()
  const path = `${PATH}/${mine.id}`
  const body = { ...ADDRESS, name: 'Somebody else' }
  const replaced = await cell.call('put', path, { token: other, body })
  const deleted = await cell.call('delete', path, { token: other })
  for (const response of [replaced, deleted]) {
    expect((await problemOf(response)).code).toBe('address.unknown')
  }
  const absent = `${PATH}/${newCellId('adr', 'eu')}`
  const unknown = await cell.call('put', absent, { token, body })
  expect((await problemOf(unknown)).code).toBe('address.unknown')
  expect(await listed(other)).toEqual([])
  expect(await listed()).toEqual([mine])
})

test('there are as many as there may be, also when more are saved at once', async () => {
  const count = ADDRESSES_MAX + 3
  const body = { ...ADDRESS, isDefault: true }
  const responses = await Promise.all(Array.from({ length: count }, () => save(body)))
  const refused = responses.filter((response) => response.status !== 201)
  expect(refused).toHaveLength(3)
  for (const response of refused) {
    expect((await problemOf(response)).code).toBe('address.too_many')
  }
  const items = await listed()
  expect(items).toHaveLength(ADDRESSES_MAX)
  expect(items.filter((each) => each.isDefault)).toHaveLength(1)
})

test('a repeated key saves once', async () => {
  const idempotencyKey = `save-address-${customer.id}`
  const first = await save(ADDRESS, { idempotencyKey })
  const again = await save(ADDRESS, { idempotencyKey })
  expect(await again.json()).toEqual(await first.json())
  expect(await listed()).toHaveLength(1)
})

test('guests and staff have none', async () => {
  const staff = await accessToken()
  for (const call of [{}, { token: staff }]) {
    for (const [method, path, body] of [
      ['get', PATH, undefined],
      ['post', PATH, ADDRESS],
      ['put', `${PATH}/${newCellId('adr', 'eu')}`, ADDRESS],
      ['delete', `${PATH}/${newCellId('adr', 'eu')}`, undefined],
    ] as const) {
      const response = await cell.call(method, path, { ...call, body })
      expect((await problemOf(response)).code).toBe('access.denied')
    }
  }
})

test('an account that was closed since the token was verified saves nothing', async () => {
  await saved()
  await queryRows(cell.url, `update account set status = 'deactivated' where id = $1`, [
    customer.id,
  ])
  expect((await problemOf(await save(ADDRESS))).code).toBe('token.refused')
  expect(await listed()).toHaveLength(1)
})
