/** What is kept of a person, as they are told it, and after they asked for its erasure. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { bossOn, DEAD_LETTER_QUEUE } from '../../../regional/platform/jobs.ts'
import type { Cart } from '../../../shared/contracts/carts.ts'
import type { PersonalData } from '../../../shared/contracts/customers.ts'
import { PersonalData as PersonalDataSchema } from '../../../shared/contracts/customers.ts'
import type { Order } from '../../../shared/contracts/orders.ts'
import { auditRows } from '../../support/audit.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { addCustomer, type TestCustomer } from '../../support/customers.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { openCart, openShop, orderBody, problemOf, reconcile } from '../../support/shop.ts'

let cell: TestCell
let staff: string
let nowMs = Date.now()
const clock = { now: () => new Date(nowMs) }

beforeAll(async () => {
  const config = { PAYMENT_TIMEOUT_MS: '20', PAYMENT_RECONCILE_AFTER_MS: '1000' }
  cell = await startTestCell({ clock, config })
  staff = await accessToken({ now: clock.now() })
  await openShop(cell, [{ sku: 'CUP', available: 10_000 }])
})
afterAll(() => cell.close())

/** In everything that is personal, so that it can be looked for. */
let marker: string
let password: string
let customer: TestCustomer
let token: string

beforeEach(async () => {
  marker = `zq${randomBytes(8).toString('hex')}`
  password = randomBytes(16).toString('base64url')
  customer = await addCustomer(cell, {
    email: `${marker}@example.com`,
    name: `Name ${marker}`,
    userAgent: `Agent ${marker}`,
    password,
  })
  token = await customer.token()
})

async function ok<T>(response: Promise<Response>): Promise<T> {
  const got = await response
  if (!got.ok) throw new Error(await got.text())
  return (await got.json()) as T
}

const own = <T>(method: string, path: string, body?: unknown) =>
  ok<T>(cell.call(method, path, { token, body }))
const lines = [{ sku: 'CUP', quantity: 1 }]
const address = () => ({
  name: `Name ${marker}`,
  line1: `Street ${marker}`,
  city: `City ${marker}`,
  postalCode: '10115',
  country: 'DE',
})

function body(cart: Cart, paymentMethod = 'test_accept') {
  const personal = { email: `${marker.toUpperCase()}@Example.com`, shippingAddress: address() }
  return { ...orderBody(cart, paymentMethod), ...personal }
}

async function place(paymentMethod = 'test_accept'): Promise<Order> {
  const { cart } = await own<{ cart: Cart }>('post', '/v1/carts', { lines })
  return await own<Order>('post', `/v1/carts/${cart.id}/order`, body(cart, paymentMethod))
}

async function placeAsGuest(): Promise<{ placed: Order; cartSecret: string }> {
  const { id, secret: cartSecret, cart } = await openCart(cell, lines)
  const call = { cartSecret, body: body(cart) }
  const placed = await ok<Order>(cell.call('post', `/v1/carts/${id}/order`, call))
  return { placed, cartSecret }
}

/** Fills every place that may hold something of the person. */
async function live() {
  const ordered = await place()
  const asGuest = await placeAsGuest()
  await own('post', '/v1/me/addresses', { ...address(), isDefault: true })
  const { cart } = await own<{ cart: Cart }>('post', '/v1/carts', { lines })
  await queryRows(
    cell.url,
    `insert into verification (id, identifier, value, expires_at)
     values ($1, 'link ' || $1, $2, 'infinity')`,
    [marker, customer.id],
  )
  const message = { to: customer.email, data: { name: marker } }
  await cell.services.db.inTransaction(async (tx) => {
    const event = { type: 'mail.asked', subject: 'a-template', payload: message, isHeld: true }
    tx.publish(event)
    const asked = { purpose: 'reset', kind: 'customer', email: customer.email.toUpperCase() }
    tx.publish({ type: 'link.asked', subject: 'reset', payload: asked, isHeld: true })
    tx.publish({ type: 'account.told', subject: customer.id, payload: { marker } })
  })
  const boss = bossOn(cell.services.db)
  await boss.createQueue(DEAD_LETTER_QUEUE)
  const job = { id: 'event', type: 'account.told', subject: customer.id, payload: { marker } }
  await boss.send(DEAD_LETTER_QUEUE, job)
  return { ordered, asGuest, cart }
}

/** The tables, of all schemas, in which some row has the text in some column. */
async function tablesWith(text: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: cell.url })
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', namespace.nspname, class.relname) as name
       from pg_class class join pg_namespace namespace on namespace.oid = class.relnamespace
       where class.relkind = 'r' and namespace.nspname not in ('pg_catalog', 'information_schema')
       order by name`,
    )
    expect(tables.length).toBeGreaterThan(25)
    const found: string[] = []
    for (const { name } of tables) {
      const sql = `select 1 from ${name} one where one::text ilike '%' || $1 || '%' limit 1`
      if ((await client.query(sql, [text])).rowCount !== 0) found.push(name)
    }
    return found
  } finally {
    await client.end()
  }
}

const PERSONAL = [
  'pgboss.job_common',
  'public."order"',
  'public.account',
  'public.address',
  'public.idempotency',
  'public.outbox',
  'public.session',
  'public.verification',
]

test('the export is one document with all of it, and with nobody else’s', async () => {
  const { ordered, cart } = await live()
  const exported = await own<PersonalData>('get', '/v1/me/export')
  expect(PersonalDataSchema.safeParse(exported).error).toBeUndefined()
  expect(exported).toMatchObject({
    isComplete: true,
    profile: { id: customer.id, email: customer.email, name: `Name ${marker}` },
    sessions: [{ id: customer.session, device: `Agent ${marker}` }],
    addresses: [address()],
    orders: [{ id: ordered.id, lines: ordered.lines, shippingAddress: address() }],
  })
  expect(exported.carts.find(({ id }) => id === cart.id)).toMatchObject({ status: 'open', lines })
  const other = await addCustomer(cell)
  token = await other.token()
  const others = await own<PersonalData>('get', '/v1/me/export')
  expect(JSON.stringify(others)).not.toContain(marker)
  expect(others).toMatchObject({ addresses: [], carts: [], orders: [] })
})

test('staff export it too, which the person is told of, but not by whom', async () => {
  const path = `/v1/staff/customers/${customer.id}/export`
  const first = await ok<PersonalData>(cell.call('get', path, { token: staff }))
  expect(first.profile.id).toBe(customer.id)
  const second = await own<PersonalData>('get', '/v1/me/export')
  expect(second.audit).toEqual([
    { at: expect.any(String), action: 'customer.exported', by: 'other' },
  ])
  expect(JSON.stringify(second)).not.toContain('stf_test')
  const rows = (await auditRows(cell.url)).filter((row) => row.subject === customer.id)
  expect(rows.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
    'stf_test customer.exported',
    `${customer.id} customer.exported`,
  ])
})

test('after an erasure no table of any schema holds anything of the person', async () => {
  const { ordered, asGuest, cart } = await live()
  expect(await tablesWith(marker)).toEqual(PERSONAL)
  expect(await own('post', '/v1/me/erase', { password })).toEqual({ status: 'erased' })
  expect(await tablesWith(marker)).toEqual([])
  // The account itself stays as an empty name, for the audit log to mean somebody.
  expect(await tablesWith(customer.id)).toEqual([
    'pgboss.job_common',
    'public.account',
    'public.audit',
    'public.feed_change',
    'public.outbox',
  ])
  expect(await tablesWith(customer.session)).toEqual([])
  expect(await tablesWith(asGuest.placed.cartId)).not.toContain('public.cart')
  expect(await tablesWith(cart.id)).not.toContain('public.cart')
  const rows = (await auditRows(cell.url)).filter((row) => row.subject === customer.id)
  expect(rows).toMatchObject([
    { actor: customer.id, action: 'customer.erased', subject: customer.id, detail: null },
  ])
  const [account] = await queryRows(cell.url, 'select * from account where id = $1', [customer.id])
  expect(account).toMatchObject({ status: 'erased', email: null, name: null, locale: null })
  for (const { id, totals, lines: bought } of [ordered, asGuest.placed]) {
    const kept = await ok<Order>(cell.call('get', `/v1/orders/${id}`, { token: staff }))
    expect(kept).toMatchObject({ state: 'confirmed', market: 'de', country: 'DE', totals })
    expect(kept).toMatchObject({ email: null, shippingAddress: null, lines: bought })
  }
  const { placed, cartSecret } = asGuest
  const bySecret = await cell.call('get', `/v1/orders/${placed.id}`, { cartSecret })
  expect((await problemOf(bySecret)).code).toBe('order.unknown')
  const refused = async () =>
    (await problemOf(await cell.call('get', '/v1/me/orders', { token }))).code
  await expect.poll(refused, { timeout: 5_000 }).toBe('token.refused')
})

test('an address that was never proved brings no guest’s orders with it', async () => {
  await queryRows(cell.url, 'update account set email_verified = false where id = $1', [
    customer.id,
  ])
  const { placed, cartSecret } = await placeAsGuest()
  await own('post', '/v1/me/erase', { password })
  const kept = await ok<Order>(cell.call('get', `/v1/orders/${placed.id}`, { cartSecret }))
  expect(kept.shippingAddress).toEqual(address())
})

test('it takes the password, and leaves all as it was without it', async () => {
  await place()
  const before = await tablesWith(marker)
  const call = { token, body: { password: `${password}x` } }
  const refused = await cell.call('post', '/v1/me/erase', call)
  expect([refused.status, (await problemOf(refused)).code]).toEqual([401, 'credentials.refused'])
  expect(await tablesWith(marker)).toEqual(before)
  expect((await cell.call('get', '/v1/me/orders', { token })).status).toBe(200)
})

test('it waits for the outcome of a payment', async () => {
  await place('test_timeout')
  const call = { token, body: { password } }
  const refused = await cell.call('post', '/v1/me/erase', call)
  expect((await problemOf(refused)).code).toBe('account.state_conflict')
  const { items } = await own<{ items: Order[] }>('get', '/v1/me/orders')
  expect(items).toMatchObject([{ state: 'payment_pending', shippingAddress: address() }])
  nowMs += 60_000
  token = await customer.token()
  await reconcile(cell)
  expect(await own('post', '/v1/me/erase', { password })).toEqual({ status: 'erased' })
  expect(await tablesWith(marker)).toEqual([])
})

test('staff erase with the scope, once', async () => {
  await place()
  const path = `/v1/staff/customers/${customer.id}`
  const now = clock.now()
  const eraser = await accessToken({ now, scopes: ['customers:erase', 'customers:read'] })
  const erase = () => ok(cell.call('post', `${path}/erase`, { token: eraser }))
  expect(await erase()).toEqual({ status: 'erased' })
  expect(await erase()).toEqual({ status: 'erased' })
  expect(await tablesWith(marker)).toEqual([])
  const rows = (await auditRows(cell.url)).filter((row) => row.subject === customer.id)
  expect(rows).toMatchObject([{ actor: 'stf_test', action: 'customer.erased' }])
  const kept = await ok(cell.call('get', path, { token: eraser }))
  expect(kept).toMatchObject({ status: 'erased', email: null, name: null, emailVerified: false })
  const writer = await accessToken({ now })
  for (const [method, at, sent] of [
    ['post', '/activate', undefined],
    ['post', '/deactivate', undefined],
    ['put', '/group', { group: null }],
  ] as const) {
    const refused = await cell.call(method, path + at, { token: writer, body: sent })
    expect((await problemOf(refused)).code).toBe('account.state_conflict')
  }
})

test('what is written while a person is erased is erased with them, or refused', async () => {
  for (let round = 0; round < 6; round += 1) {
    const { cart } = await own<{ cart: Cart }>('post', '/v1/carts', { lines })
    const guest = await openCart(cell, lines)
    const [, erased] = await Promise.all([
      Promise.all([
        cell.call('post', `/v1/carts/${cart.id}/order`, { token, body: body(cart) }),
        cell.call('post', `/v1/carts/${guest.id}/order`, {
          token,
          cartSecret: guest.secret,
          body: body(guest.cart),
        }),
        cell.call('post', '/v1/me/addresses', { token, body: address() }),
        cell.call('post', '/v1/carts', { token, body: { lines } }),
      ]),
      cell.call('post', `/v1/staff/customers/${customer.id}/erase`, {
        token: await accessToken({ now: clock.now() }),
      }),
    ])
    expect([200, 409]).toContain(erased.status)
    if (erased.status === 409) {
      await ok(
        cell.call('post', `/v1/staff/customers/${customer.id}/erase`, {
          token: await accessToken({ now: clock.now() }),
        }),
      )
    }
    expect(await tablesWith(marker)).toEqual([])
    expect(await tablesWith(customer.id)).not.toContain('public.cart')
    marker = `zq${randomBytes(8).toString('hex')}`
    customer = await addCustomer(cell, { email: `${marker}@example.com`, name: marker })
    token = await customer.token()
  }
})
