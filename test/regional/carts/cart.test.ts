import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cart } from '../../../shared/contracts/carts.ts'
import { newCellId } from '../../../shared/ids.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { openCart, openShop, problemOf, setPrice } from '../../support/shop.ts'

let cell: TestCell

beforeAll(async () => {
  cell = await startTestCell()
  await openShop(cell, [
    { sku: 'CUP', prices: { EUR: 1_190, USD: 1_000 } },
    { sku: 'POT', prices: { EUR: 2_599, USD: 2_499 } },
    { sku: 'EURO', prices: { EUR: 500 } },
    { sku: 'DRAFT', status: 'draft' },
    { sku: 'GOLD', prices: { EUR: 100_000_000_000 } },
    ...Array.from({ length: 101 }, (_, i) => ({ sku: `MANY-${i}` })),
  ])
})
afterAll(() => cell.close())

const cartOf = async (response: Response) => (await response.json()) as Cart

describe('opening a cart', () => {
  test('answers with the priced cart in the market’s display and with its secret', async () => {
    const body = { market: 'de', locale: 'en', lines: [{ sku: 'CUP', quantity: 2 }] }
    const response = await cell.call('post', '/v1/carts', { body })
    expect(response.status).toBe(201)
    const { cart, secret } = (await response.json()) as { cart: Cart; secret: string }
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(cart).toMatchObject({
      status: 'open',
      market: 'de',
      locale: 'en',
      lines: [
        {
          sku: 'CUP',
          name: 'The CUP',
          productHandle: 'cup',
          quantity: 2,
          unitPriceMinor: 1_190,
          totalMinor: 2_380,
          availability: 'in_stock',
        },
      ],
      totals: {
        currency: 'EUR',
        pricesIncludeTax: true,
        subtotalMinor: 2_380,
        taxMinor: 380,
        totalMinor: 2_380,
      },
      unavailable: [],
    })
  })

  test('adds tax on top where prices are shown without it', async () => {
    const { cart } = await openCart(cell, [{ sku: 'CUP', quantity: 3 }], 'us')
    expect(cart.totals).toEqual({
      currency: 'USD',
      pricesIncludeTax: false,
      subtotalMinor: 3_000,
      taxMinor: 248,
      totalMinor: 3_248,
    })
  })

  test('is in the market and language of the edge’s context unless it names its own', async () => {
    const opened = async (context: { market: string; locale: string }, body: object) => {
      const response = await cell.call('post', '/v1/carts', { ...context, body })
      const { cart } = (await response.json()) as { cart: Cart }
      return `${cart.market} ${cart.locale}`
    }
    expect(await opened({ market: 'de', locale: 'en' }, {})).toBe('de en')
    expect(await opened({ market: 'de', locale: 'fr' }, {})).toBe('de de')
    expect(await opened({ market: 'nowhere', locale: 'de' }, {})).toBe('us en')
    expect(await opened({ market: 'de', locale: 'de' }, { market: 'us' })).toBe('us en')
    // Its language was chosen for another market, whose default says nothing here.
    expect(await opened({ market: 'us', locale: 'en' }, { market: 'de' })).toBe('de de')
  })

  test.each([
    [{ market: 'nowhere' }, 404, 'market.unknown', '/market'],
    [{ market: 'us', locale: 'de' }, 404, 'locale.unknown', '/locale'],
    [{ lines: [{ sku: 'NONE', quantity: 1 }] }, 404, 'variant.unknown', '/lines/0/sku'],
    [{ lines: [{ sku: 'DRAFT', quantity: 1 }] }, 404, 'variant.unknown', '/lines/0/sku'],
    [
      { market: 'us', lines: [{ sku: 'EURO', quantity: 1 }] },
      404,
      'variant.unknown',
      '/lines/0/sku',
    ],
    [{ lines: [{ sku: 'CUP', quantity: 0 }] }, 400, 'request.invalid', '/lines/0/quantity'],
    [{ lines: [{ sku: 'CUP', quantity: -1 }] }, 400, 'request.invalid', '/lines/0/quantity'],
    [{ lines: [{ sku: 'CUP', quantity: 1e9 }] }, 400, 'request.invalid', '/lines/0/quantity'],
    [{ lines: [{ sku: 'CUP\u0000', quantity: 1 }] }, 400, 'request.invalid', '/lines/0/sku'],
    [{ lines: [{ sku: '\ud800', quantity: 1 }] }, 400, 'request.invalid', '/lines/0/sku'],
    [{ colour: 'red' }, 400, 'request.invalid', '/colour'],
  ])('%j is refused with %i %s', async (body, status, code, pointer) => {
    const count = 'select count(*)::int as n from cart'
    const before = await queryRows(cell.url, count)
    const response = await cell.call('post', '/v1/carts', { body })
    expect(response.status).toBe(status)
    expect(await problemOf(response)).toMatchObject({ code, errors: [{ in: 'body', pointer }] })
    expect(await queryRows(cell.url, count)).toEqual(before)
  })

  test('is refused past the amount that one order may have', async () => {
    const body = { market: 'de', lines: [{ sku: 'GOLD', quantity: 2 }] }
    const response = await cell.call('post', '/v1/carts', { body })
    expect((await problemOf(response)).code).toBe('cart.quantity_exceeded')
  })

  test('a repeated key opens one cart and shows the same secret, which is stored nowhere', async () => {
    const idempotencyKey = 'open-cart-key-0001'
    const call = { idempotencyKey, body: { market: 'de' } }
    const first = (await (await cell.call('post', '/v1/carts', call)).json()) as Cart
    const repeated = await cell.call('post', '/v1/carts', call)
    expect(repeated.status).toBe(201)
    expect(await repeated.json()).toEqual(first)
    const { secret } = first as unknown as { secret: string }
    const tables = ['cart', 'idempotency', 'outbox', 'audit']
    for (const table of tables) {
      const text = `select count(*)::int as n from ${table} t where t::text like '%' || $1 || '%'`
      expect(await queryRows(cell.url, text, [secret])).toEqual([{ n: 0 }])
    }
  })

  test('another body under the same key is refused', async () => {
    const idempotencyKey = 'open-cart-key-0002'
    await cell.call('post', '/v1/carts', { idempotencyKey, body: { market: 'de' } })
    const other = await cell.call('post', '/v1/carts', { idempotencyKey, body: { market: 'us' } })
    expect(other.status).toBe(422)
    expect((await problemOf(other)).code).toBe('idempotency.reused')
  })

  test('needs a key', async () => {
    const response = await cell.call('post', '/v1/carts', { idempotencyKey: null, body: {} })
    expect(response.status).toBe(400)
    expect((await problemOf(response)).code).toBe('idempotency.key_required')
  })
})

describe('holding a cart', () => {
  const strangers = async () => {
    const { secret } = await openCart(cell, [])
    return [
      { cartSecret: secret },
      { cartSecret: '' },
      {},
      { token: await accessToken({ role: 'customer', sub: 'cus_1' }) },
      { token: await accessToken({ scopes: ['orders:read'] }) },
    ]
  }

  test('whoever does not hold it is told the same as if there were none', async () => {
    const { id } = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
    const lines = [{ sku: 'CUP', quantity: 1 }]
    const absent = await cell.call('get', `/v1/carts/${newCellId('cart', 'eu')}`)
    const unknown = await problemOf(absent)
    for (const stranger of await strangers()) {
      const read = await cell.call('get', `/v1/carts/${id}`, stranger)
      const added = await cell.call('post', `/v1/carts/${id}/lines`, {
        ...stranger,
        body: { lines },
      })
      const changed = await cell.call('patch', `/v1/carts/${id}/lines`, {
        ...stranger,
        body: { set: lines },
      })
      for (const response of [read, added, changed]) {
        expect(response.status).toBe(404)
        expect(await problemOf(response)).toEqual(unknown)
      }
    }
    const quantities = 'select quantity from cart_line where cart_id = $1'
    expect(await queryRows(cell.url, quantities, [id])).toEqual([{ quantity: 1 }])
  })

  test('a cart of another cell is not known here', async () => {
    const { secret } = await openCart(cell, [])
    const response = await cell.call('get', `/v1/carts/${newCellId('cart', 'us')}`, {
      cartSecret: secret,
    })
    expect((await problemOf(response)).code).toBe('cart.unknown')
  })

  test('staff with the scope read a cart but do not change it', async () => {
    const { id } = await openCart(cell, [{ sku: 'CUP', quantity: 1 }])
    const token = await accessToken({ scopes: ['carts:read'] })
    expect((await cell.call('get', `/v1/carts/${id}`, { token })).status).toBe(200)
    const body = { lines: [{ sku: 'CUP', quantity: 1 }] }
    const added = await cell.call('post', `/v1/carts/${id}/lines`, { token, body })
    expect((await problemOf(added)).code).toBe('cart.unknown')
  })

  test('a repeated key shows the answer only to who holds the cart', async () => {
    const { id, secret } = await openCart(cell, [])
    const call = {
      idempotencyKey: 'add-lines-key-0001',
      body: { lines: [{ sku: 'CUP', quantity: 1 }] },
    }
    const path = `/v1/carts/${id}/lines`
    const first = await cell.call('post', path, { ...call, cartSecret: secret })
    expect(first.status).toBe(200)
    expect((await cell.call('post', path, call)).status).toBe(404)
    const repeated = await cell.call('post', path, { ...call, cartSecret: secret })
    expect(await repeated.json()).toEqual(await first.json())
  })
})

describe('lines', () => {
  const opened = (lines: { sku: string; quantity: number }[]) => openCart(cell, lines)
  const add = (id: string, cartSecret: string, lines: object[]) =>
    cell.call('post', `/v1/carts/${id}/lines`, { cartSecret, body: { lines } })
  const change = (id: string, cartSecret: string, body: object) =>
    cell.call('patch', `/v1/carts/${id}/lines`, { cartSecret, body })

  test('units are added on top, several lines in one call', async () => {
    const { id, secret } = await opened([{ sku: 'CUP', quantity: 2 }])
    const response = await add(id, secret, [
      { sku: 'POT', quantity: 1 },
      { sku: 'CUP', quantity: 3 },
    ])
    const cart = await cartOf(response)
    expect(cart.lines.map((line) => `${line.sku} ${line.quantity}`)).toEqual(['CUP 5', 'POT 1'])
    const read = await cell.call('get', `/v1/carts/${id}`, { cartSecret: secret })
    expect(await read.json()).toEqual(cart)
  })

  test('a repeated key adds once', async () => {
    const { id, secret } = await opened([])
    const call = {
      cartSecret: secret,
      idempotencyKey: 'add-lines-key-0002',
      body: { lines: [{ sku: 'CUP', quantity: 2 }] },
    }
    await cell.call('post', `/v1/carts/${id}/lines`, call)
    const repeated = await cell.call('post', `/v1/carts/${id}/lines`, call)
    expect((await cartOf(repeated)).lines[0]!.quantity).toBe(2)
  })

  test('lines are set and removed in one call, and a repeat changes nothing', async () => {
    const { id, secret } = await opened([
      { sku: 'CUP', quantity: 2 },
      { sku: 'POT', quantity: 2 },
    ])
    const body = { set: [{ sku: 'CUP', quantity: 7 }], remove: ['POT', 'EURO'] }
    const first = await cartOf(await change(id, secret, body))
    expect(first.lines.map((line) => `${line.sku} ${line.quantity}`)).toEqual(['CUP 7'])
    expect(await cartOf(await change(id, secret, body))).toEqual(first)
  })

  test('changes at the same time lose no line and no unit', async () => {
    const { id, secret } = await opened([])
    const skus = Array.from({ length: 10 }, (_, i) => `MANY-${i}`)
    const adding = skus.flatMap((sku) => [1, 2].map(() => add(id, secret, [{ sku, quantity: 1 }])))
    const responses = await Promise.all(adding)
    expect(responses.map((response) => response.status)).toEqual(adding.map(() => 200))
    const read = await cell.call('get', `/v1/carts/${id}`, { cartSecret: secret })
    const cart = await cartOf(read)
    expect(cart.lines).toHaveLength(10)
    expect(cart.lines.every((line) => line.quantity === 2)).toBe(true)
  })

  test('units past the limit of a line are refused, naming it, and nothing is added', async () => {
    const { id, secret } = await opened([{ sku: 'CUP', quantity: 999 }])
    const response = await add(id, secret, [
      { sku: 'POT', quantity: 1 },
      { sku: 'CUP', quantity: 1 },
    ])
    expect(response.status).toBe(409)
    expect(await problemOf(response)).toMatchObject({
      code: 'cart.quantity_exceeded',
      skus: ['CUP'],
    })
    const read = await cell.call('get', `/v1/carts/${id}`, { cartSecret: secret })
    expect((await cartOf(read)).lines).toHaveLength(1)
  })

  test('a cart holds a hundred lines and refuses one more', async () => {
    const lines = Array.from({ length: 100 }, (_, i) => ({ sku: `MANY-${i}`, quantity: 1 }))
    const { id, secret, cart } = await opened(lines)
    expect(cart.lines).toHaveLength(100)
    const more = { sku: 'MANY-100', quantity: 1 }
    const added = await problemOf(await add(id, secret, [more]))
    const set = await problemOf(await change(id, secret, { set: [more] }))
    expect([added.code, set.code]).toEqual(['cart.too_many_lines', 'cart.too_many_lines'])
    const swapped = await change(id, secret, { set: [more], remove: ['MANY-0'] })
    expect((await cartOf(swapped)).lines).toHaveLength(100)
  })

  test('an amount past what one order may have is refused', async () => {
    const { id, secret } = await opened([{ sku: 'CUP', quantity: 1 }])
    const gold = [{ sku: 'GOLD', quantity: 1 }]
    expect((await problemOf(await add(id, secret, gold))).code).toBe('cart.quantity_exceeded')
    const set = await change(id, secret, { set: gold })
    expect((await problemOf(set)).code).toBe('cart.quantity_exceeded')
  })

  test('an unknown SKU is named by its place and nothing changes', async () => {
    const { id, secret } = await opened([])
    const lines = [
      { sku: 'CUP', quantity: 1 },
      { sku: 'NONE', quantity: 1 },
    ]
    expect(await problemOf(await add(id, secret, lines))).toMatchObject({
      code: 'variant.unknown',
      errors: [{ pointer: '/lines/1/sku' }],
    })
    expect(await problemOf(await change(id, secret, { set: lines }))).toMatchObject({
      code: 'variant.unknown',
      errors: [{ pointer: '/set/1/sku' }],
    })
    const rows = 'select sku from cart_line where cart_id = $1'
    expect(await queryRows(cell.url, rows, [id])).toEqual([])
  })

  test('prices and totals are those of now, and a SKU that is sold no more is set aside', async () => {
    await openShop(cell, [{ sku: 'MOVING' }, { sku: 'LEAVING' }])
    const { id, secret } = await opened([
      { sku: 'MOVING', quantity: 2 },
      { sku: 'LEAVING', quantity: 1 },
    ])
    await setPrice(cell, { sku: 'MOVING', currency: 'EUR', amountMinor: 700 })
    await queryRows(cell.url, `update product set status = 'retired' where handle = 'leaving'`)
    const read = () => cell.call('get', `/v1/carts/${id}`, { cartSecret: secret })
    const cart = await cartOf(await read())
    expect(cart.lines.map((line) => line.sku)).toEqual(['MOVING'])
    expect(cart.totals.totalMinor).toBe(1_400)
    expect(cart.unavailable).toEqual(['LEAVING'])
    await change(id, secret, { remove: ['MOVING'] })
    expect(await cartOf(await read())).toMatchObject({ lines: [], unavailable: ['LEAVING'] })
  })

  test.each([
    ['post', { lines: [] }, '/lines'],
    [
      'post',
      {
        lines: [
          { sku: 'CUP', quantity: 1 },
          { sku: 'CUP', quantity: 1 },
        ],
      },
      '/lines',
    ],
    ['patch', { set: [{ sku: 'CUP', quantity: 0 }] }, '/set/0/quantity'],
    ['patch', {}, ''],
    ['patch', { set: [{ sku: 'CUP', quantity: 1 }], remove: ['CUP'] }, ''],
  ])('%s %j is refused, naming the field', async (method, body, pointer) => {
    const { id, secret } = await opened([])
    const call = { cartSecret: secret, body }
    const response = await cell.call(method, `/v1/carts/${id}/lines`, call)
    expect(response.status).toBe(400)
    expect(await problemOf(response)).toMatchObject({
      code: 'request.invalid',
      errors: [{ in: 'body', pointer }],
    })
  })
})
