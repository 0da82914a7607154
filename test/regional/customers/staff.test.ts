/** What staff do with customers: look them up, put them into groups, close their accounts. */
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { customerPageStatement } from '../../../regional/modules/identity/customer-accounts.ts'
import type { Cart } from '../../../shared/contracts/carts.ts'
import type { CustomerEntry } from '../../../shared/contracts/customers.ts'
import type { PriceList } from '../../../shared/contracts/price-lists.ts'
import { newCellId } from '../../../shared/ids.ts'
import { SCOPES } from '../../../shared/principal.ts'
import { auditRows } from '../../support/audit.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { addCustomer, type TestCustomer } from '../../support/customers.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { openShop, problemOf } from '../../support/shop.ts'

let cell: TestCell
let customer: TestCustomer
let staff: string

beforeAll(async () => {
  cell = await startTestCell()
  staff = await accessToken()
  await openShop(cell, [{ sku: 'CUP', prices: { EUR: 1_000 } }])
})
afterAll(() => cell.close())
beforeEach(async () => {
  customer = await addCustomer(cell, { name: 'Ada Muster' })
})

const ask = (method: string, path: string, body?: unknown) =>
  cell.call(method, `/v1/staff${path}`, { token: staff, body })

async function asked<T = CustomerEntry>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await ask(method, path, body)
  if (response.status !== 200) throw new Error(await response.text())
  return (await response.json()) as T
}

const codeOf = async (response: Response) => (await problemOf(response)).code
const putGroup = (handle: string, name = handle) =>
  asked('put', `/customer-groups/${handle}`, { name })
const join = (group: string | null, id = customer.id) =>
  ask('put', `/customers/${id}/group`, { group })

/** A cell that has just looked at the feed may honour a token for as long as it does not look again. */
async function ended(token: string): Promise<void> {
  const code = async () => await codeOf(await cell.call('get', '/v1/me/orders', { token }))
  await expect.poll(code, { timeout: 5_000 }).toBe('token.refused')
}

async function auditedOf(subject: string) {
  const rows = (await auditRows(cell.url)).filter((row) => row.subject === subject)
  return rows.map(({ actor, action, detail }) => ({ actor, action, detail }))
}

test('a group is created, renamed, listed and deleted, each with its audit row', async () => {
  await putGroup('trade', 'Trade')
  await putGroup('trade', 'Trade customers')
  await putGroup('trade', 'Trade customers')
  await putGroup('vip')
  const page = await asked<{ items: object[]; next: string }>('get', '/customer-groups?limit=1')
  expect(page).toEqual({ items: [{ handle: 'trade', name: 'Trade customers' }], next: 'trade' })
  const rest = await asked('get', '/customer-groups?after=trade')
  expect(rest).toEqual({ items: [{ handle: 'vip', name: 'vip' }], next: null })
  expect(await asked('delete', '/customer-groups/trade')).toMatchObject({ handle: 'trade' })
  expect(await codeOf(await ask('delete', '/customer-groups/trade'))).toBe('group.unknown')
  expect(await auditedOf('trade')).toEqual([
    {
      actor: 'stf_test',
      action: 'customer_group.created',
      detail: { before: null, name: 'Trade' },
    },
    {
      actor: 'stf_test',
      action: 'customer_group.renamed',
      detail: { before: 'Trade', name: 'Trade customers' },
    },
    { actor: 'stf_test', action: 'customer_group.deleted', detail: null },
  ])
})

test('a group that somebody is in stays, and nobody comes into one while it is deleted', async () => {
  await putGroup('kept')
  expect((await join('kept')).status).toBe(200)
  expect(await codeOf(await ask('delete', '/customer-groups/kept'))).toBe('group.in_use')
  for (let round = 0; round < 5; round += 1) {
    await putGroup('contested')
    const late = await addCustomer(cell)
    const [joined, deleted] = await Promise.all([
      join('contested', late.id),
      ask('delete', '/customer-groups/contested'),
    ])
    expect([joined.status, deleted.status].sort()).toEqual(
      joined.status === 200 ? [200, 409] : [200, 404],
    )
    await join(null, late.id)
  }
})

test('a customer in a group sees its prices with the next token, and the old one ends', async () => {
  await putGroup('wholesale')
  const list = { handle: 'wholesale-prices', name: 'Wholesale', customerGroup: 'wholesale' }
  const created = await ask('post', '/price-lists', list)
  const { id } = (await created.json()) as PriceList
  const variants = [{ sku: 'CUP', prices: { EUR: 700 } }]
  await asked('put', `/price-lists/${id}/prices`, { variants })
  const before = await customer.token()
  const lines = [{ sku: 'CUP', quantity: 1 }]
  const opened = await cell.call('post', '/v1/carts', { token: before, body: { lines } })
  expect(((await opened.json()) as { cart: Cart }).cart.totals.totalMinor).toBe(1_000)
  expect(await (await join('wholesale')).json()).toMatchObject({ group: 'wholesale' })
  await ended(before)
  const read = await cell.call('get', '/v1/me/cart', { token: await customer.token() })
  expect(((await read.json()) as Cart).totals.totalMinor).toBe(700)
  const after = await customer.token()
  expect((await join('wholesale')).status).toBe(200)
  // A repeat changes nothing, so it ends nothing.
  expect((await cell.call('get', '/v1/me/cart', { token: after })).status).toBe(200)
  await join(null)
  const without = await cell.call('get', '/v1/me/cart', { token: await customer.token() })
  expect(((await without.json()) as Cart).totals.totalMinor).toBe(1_000)
  expect(await auditedOf(customer.id)).toEqual([
    {
      actor: 'stf_test',
      action: 'customer.group_changed',
      detail: { before: null, group: 'wholesale' },
    },
    {
      actor: 'stf_test',
      action: 'customer.group_changed',
      detail: { before: 'wholesale', group: null },
    },
  ])
})

test('a group or a customer that there is not is refused', async () => {
  expect(await codeOf(await join('nothing'))).toBe('group.unknown')
  const nobody = newCellId('cus', 'eu')
  expect(await codeOf(await join(null, nobody))).toBe('account.unknown')
  for (const [method, path] of [
    ['get', ''],
    ['post', '/deactivate'],
    ['post', '/activate'],
    ['get', '/export'],
    ['post', '/erase'],
  ] as const) {
    const response = await ask(method, `/customers/${nobody}${path}`)
    expect(await codeOf(response)).toBe('account.unknown')
  }
})

test('an account that is closed has no session and no token, and can be opened again', async () => {
  const token = await customer.token()
  expect((await cell.call('get', '/v1/me/orders', { token })).status).toBe(200)
  const path = `/customers/${customer.id}`
  expect(await asked('post', `${path}/deactivate`)).toMatchObject({ status: 'deactivated' })
  await asked('post', `${path}/deactivate`)
  await ended(token)
  const sessions = 'select id from session where account_id = $1'
  expect(await queryRows(cell.url, sessions, [customer.id])).toEqual([])
  expect(await asked('post', `${path}/activate`)).toMatchObject({ status: 'active' })
  expect(await asked('get', path)).toEqual({
    id: customer.id,
    email: customer.email,
    emailVerified: true,
    name: 'Ada Muster',
    locale: null,
    group: null,
    status: 'active',
    createdAt: expect.any(String),
  })
  expect((await auditedOf(customer.id)).map(({ action }) => action)).toEqual([
    'customer.deactivated',
    'customer.activated',
  ])
})

test('customers are listed by page, and by address, group and state', async () => {
  await putGroup('listed')
  await join('listed')
  const other = await addCustomer(cell)
  await asked('post', `/customers/${other.id}/deactivate`)
  interface Page {
    items: CustomerEntry[]
    next: string | null
  }
  const ids = async (query: string) =>
    (await asked<Page>('get', `/customers?${query}`)).items.map(({ id }) => id)
  expect(await ids(`email=${customer.email.toUpperCase()}`)).toEqual([customer.id])
  expect(await ids('customerGroup=listed')).toEqual([customer.id])
  expect(await ids('customerGroup=listed&status=deactivated')).toEqual([])
  expect(await ids('status=deactivated')).toEqual([other.id])
  const all = await ids('limit=100')
  const paged: string[] = []
  let after = ''
  do {
    const page = await asked<Page>('get', `/customers?limit=3${after}`)
    paged.push(...page.items.map(({ id }) => id))
    after = page.next === null ? '' : `&after=${page.next}`
  } while (after !== '')
  expect(paged).toEqual(all)
  expect(paged).toEqual([...paged].sort())
})

test('each list of customers goes by an index, without sorting', async () => {
  await queryRows(
    cell.url,
    `insert into account (id, kind, email, customer_group, status)
     select format('%s_eu_%s', kind, lpad(n::text, 32, '0')), name, n || '@example.com',
       case when n % 50 = 0 then 'g' || n % 3 end,
       case when n % 40 = 0 then 'deactivated' else 'active' end
     from generate_series(1, 3000) n, (values ('cus', 'customer'), ('stf', 'staff')) k(kind, name)`,
  )
  const client = new pg.Client({ connectionString: cell.url })
  await client.connect()
  try {
    await client.query('analyze account; set enable_seqscan = off')
    for (const filters of [[], ['email'], ['customerGroup'], ['status']] as const) {
      const { text } = customerPageStatement(filters)
      const { rows } = await client.query(`explain (generic_plan) ${text}`)
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      expect(plan, filters.join()).toContain('Index Scan using account_')
      if (filters[0] !== 'email') expect(plan, filters.join()).not.toContain('Sort')
    }
  } finally {
    await client.end()
    await queryRows(
      cell.url,
      `delete from account where email like '%@example.com' and name is null`,
    )
  }
})

test('none of it is for staff without the scope, nor for customers', async () => {
  const tokens = [
    await customer.token(),
    await accessToken({ scopes: SCOPES.filter((scope) => !scope.startsWith('customers:')) }),
    await accessToken({
      scopes: ['customers:read@web', 'customers:write@web', 'customers:erase@web'],
    }),
  ]
  const path = `/v1/staff/customers/${customer.id}`
  for (const token of tokens) {
    for (const [method, at, body] of [
      ['get', '/v1/staff/customers', undefined],
      ['get', '/v1/staff/customer-groups', undefined],
      ['put', '/v1/staff/customer-groups/mine', { name: 'Mine' }],
      ['delete', '/v1/staff/customer-groups/kept', undefined],
      ['get', path, undefined],
      ['put', `${path}/group`, { group: null }],
      ['post', `${path}/deactivate`, undefined],
      ['post', `${path}/activate`, undefined],
      ['get', `${path}/export`, undefined],
      ['post', `${path}/erase`, undefined],
    ] as const) {
      const response = await cell.call(method, at, { token, body })
      expect(await codeOf(response), `${method} ${at}`).toBe('access.denied')
    }
  }
  const reader = await accessToken({ scopes: ['customers:read', 'customers:write'] })
  const erased = await cell.call('post', `${path}/erase`, { token: reader })
  expect(await codeOf(erased)).toBe('access.denied')
})
