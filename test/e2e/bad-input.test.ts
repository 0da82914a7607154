/** What bad input gets, through the edge: a problem that names the field at fault, and nothing changed. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { contentsOf, expectRefused, refusalOf } from '../support/refusals.ts'
import { ADDRESS } from '../support/shop.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

let system: TestSystem
let sku: string
let handle: string
let cart: { id: string; secret: string; totalMinor: number }
let other: { id: string; secret: string }
let before: Record<string, string>

beforeAll(async () => {
  system = await startSystem()
  const client = system.client({ market: 'de' })
  const { items } = await client.catalog.listProducts({ query: { limit: 50 } })
  handle = items.find(({ availability }) => availability === 'in_stock')!.handle
  const product = await client.catalog.getProduct({ params: { handle } })
  sku = product.variants.find(({ availability }) => availability === 'in_stock')!.sku
  const lines = [{ sku, quantity: 1 }]
  const opened = await client.carts.createCart({ body: { market: 'de', lines } })
  const { id, totals } = opened.cart
  cart = { id, secret: opened.secret!, totalMinor: totals.totalMinor }
  const second = await client.carts.createCart({ body: { market: 'de', lines } })
  expect(Object.keys(await contentsOf(system.databaseUrl)).length).toBeGreaterThan(15)
  other = { id: second.cart.id, secret: second.secret! }
})
afterAll(() => system?.close())

beforeEach(async () => {
  before = await contentsOf(system.databaseUrl)
})
afterEach(async () => {
  expect(await contentsOf(system.databaseUrl)).toEqual(before)
})

interface Sent {
  /** JSON unless it is text. */
  body?: unknown
  secret?: string
  token?: string
  headers?: Record<string, string>
}

async function send(method: string, path: string, sent: Sent = {}): Promise<Response> {
  const { body, secret, token } = sent
  const headers = new Headers({ 'idempotency-key': crypto.randomUUID() })
  if (body !== undefined) headers.set('content-type', 'application/json')
  if (secret !== undefined) headers.set('tradewind-cart-secret', secret)
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  for (const [name, value] of Object.entries(sent.headers ?? {})) headers.set(name, value)
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return await fetch(system.edgeUrl + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: text }),
  })
}

const orderPath = () => `/v1/carts/${cart.id}/order`
const goodOrder = () => ({
  expectedTotalMinor: cart.totalMinor,
  paymentMethod: 'test_accept',
  email: 'ada@example.com',
  shippingAddress: ADDRESS,
})

describe('a read', () => {
  test.each([
    ['/v1/products/no-such-product?market=de', 'product.unknown', undefined],
    ['/v1/products?market=nowhere', 'market.unknown', '/market'],
    ['/v1/products?market=de&locale=fr', 'locale.unknown', '/locale'],
    ['/v1/products?market=de&category=no-such-category', 'category.unknown', undefined],
    ['/v1/categories?market=nowhere', 'market.unknown', '/market'],
    ['/v1/nothing', 'route.unknown', undefined],
    ['/v1/products/a/b', 'route.unknown', undefined],
  ])('of what is not known is refused: %s', async (path, code, pointer) => {
    await expectRefused(await send('GET', path), { code, pointer })
    // Again, for an answer that may have been cached meanwhile.
    await expectRefused(await send('GET', path), { code, pointer })
  })

  test.each<[path: string, pointer: string]>([
    ['/v1/products?market=DE', '/market'],
    ['/v1/products?market=', '/market'],
    ['/v1/products?market=de&market=de', '/market'],
    ['/v1/products?market=d%27e', '/market'],
    ["/v1/products?market=it's", '/market'],
    ['/v1/products?market=%00', '/market'],
    ['/v1/products?market=de&locale=english', '/locale'],
    ['/v1/products?market=de&sort=random', '/sort'],
    ['/v1/products?market=de&category=..%2Fmarkets', '/category'],
    ...['0', '-1', '101', '1e9', '1.5', 'x', '', '99999999999999999999', 'NaN', 'Infinity'].map(
      (limit): [string, string] => [`/v1/products?market=de&limit=${limit}`, '/limit'],
    ),
    ['/v1/products?market=de&after=!', '/after'],
    ['/v1/products?market=de&after=AAAA', '/after'],
    [`/v1/products?market=de&after=${'A'.repeat(513)}`, '/after'],
    [`/v1/products?market=de&after=${cursorOf(['price', 1, 'prod_x'])}`, '/after'],
    [
      `/v1/products?market=de&after=${cursorOf(['newest', 1e300, `prod_${'0'.repeat(32)}`])}`,
      '/after',
    ],
    [
      `/v1/products?market=de&sort=name&after=${cursorOf(['name', '\u0000', `prod_${'0'.repeat(32)}`])}`,
      '/after',
    ],
    [`/v1/products/${'a'.repeat(121)}?market=de`, '/handle'],
    ['/v1/products/%00?market=de', '/handle'],
    ['/v1/products/%2e%2e%2fmarkets?market=de', '/handle'],
    ['/v1/products/%252e%252e?market=de', '/handle'],
    ['/v1/products/%ZZ?market=de', '/handle'],
    ['/v1/products/%ff?market=de', '/handle'],
    ["/v1/products/it's!()*?market=de", '/handle'],
    ['/v1/products/a;b=c?market=de', '/handle'],
    ["/v1/carts/it's?a='", '/cartId'],
    [`/v1/orders/ord_eu_${'0'.repeat(31)}`, '/orderId'],
  ])('names the parameter that it cannot take: %s', async (path, pointer) => {
    await expectRefused(await send('GET', path), { code: 'request.invalid', pointer })
  })

  test('asked for badly by many at once gets each of them the whole problem', async () => {
    const path = '/v1/products?market=de&limit=many'
    const answers = await Promise.all(Array.from({ length: 20 }, () => send('GET', path)))
    for (const answer of answers) {
      await expectRefused(answer, { code: 'request.invalid', pointer: '/limit' })
    }
  })
})

function cursorOf(place: unknown): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url')
}

describe('a cart', () => {
  const line = (quantity: unknown) => ({ lines: [{ sku, quantity }] })

  test('of an unknown market, locale or variant is not opened', async () => {
    const cases: [object, string, string][] = [
      [{ market: 'nowhere' }, 'market.unknown', '/market'],
      [{ market: 'de', locale: 'fr' }, 'locale.unknown', '/locale'],
      [
        { market: 'de', lines: [{ sku: 'NO-SUCH', quantity: 1 }] },
        'variant.unknown',
        '/lines/0/sku',
      ],
    ]
    for (const [body, code, pointer] of cases) {
      await expectRefused(await send('POST', '/v1/carts', { body }), { code, pointer })
    }
  })

  test('takes no quantity but a whole number that a line may have', async () => {
    const quantities = [0, -1, -0.5, 1.5, 1_000, 2 ** 31, 2 ** 53, 1e21, '2', null, true, [1], {}]
    const change = `/v1/carts/${cart.id}/lines`
    for (const quantity of quantities) {
      const name = `quantity ${JSON.stringify(quantity)}`
      const wrong = { code: 'request.invalid', pointer: '/lines/0/quantity', name }
      const body = line(quantity)
      const { secret } = cart
      await expectRefused(await send('POST', '/v1/carts', { body }), wrong)
      await expectRefused(await send('POST', change, { body, secret }), wrong)
      const set = await send('PATCH', change, { body: { set: body.lines }, secret })
      await expectRefused(set, { ...wrong, pointer: '/set/0/quantity' })
    }
    for (const number of ['1e400', '-1e400', '1e-400']) {
      const body = `{"lines":[{"sku":"${sku}","quantity":${number}}]}`
      const wrong = { code: 'request.invalid', pointer: '/lines/0/quantity', name: number }
      await expectRefused(await send('POST', '/v1/carts', { body }), wrong)
    }
  })

  test('holds no more of one item, and no more lines, than it may', async () => {
    const path = `/v1/carts/${cart.id}/lines`
    const { secret } = cart
    const full = await send('POST', path, { body: line(999), secret })
    await expectRefused(full, { code: 'cart.quantity_exceeded' })
    const lines = Array.from({ length: 101 }, (_, index) => ({ sku: `S${index}`, quantity: 1 }))
    const many = await send('POST', path, { body: { lines }, secret })
    await expectRefused(many, { code: 'request.invalid', pointer: '/lines' })
    const twice = { lines: [...line(1).lines, ...line(1).lines] }
    const repeated = await send('POST', path, { body: twice, secret })
    await expectRefused(repeated, { code: 'request.invalid', pointer: '/lines' })
  })

  test('names the field that it does not know, also inside a line', async () => {
    const unknown = { ...line(1), coupon: 'FREE' }
    const inLine = { lines: [{ sku, quantity: 1, unitPriceMinor: 1 }] }
    const one = await send('POST', '/v1/carts', { body: unknown })
    await expectRefused(one, { code: 'request.invalid', pointer: '/coupon' })
    const two = await send('POST', '/v1/carts', { body: inLine })
    await expectRefused(two, { code: 'request.invalid', pointer: '/lines/0/unitPriceMinor' })
  })

  test('of somebody else is as unknown as one that does not exist, whatever is asked of it', async () => {
    const nobodys = `cart_eu_${'0'.repeat(32)}`
    const asked: [string, string, unknown][] = [
      ['GET', '', undefined],
      ['POST', '/lines', line(1)],
      ['PATCH', '/lines', { remove: [sku] }],
      ['POST', '/order', goodOrder()],
    ]
    for (const [method, suffix, body] of asked) {
      const words = new Set<string>()
      for (const id of [cart.id, nobodys]) {
        for (const secret of [undefined, '', 'guessed', other.secret]) {
          const answer = await send(method, `/v1/carts/${id}${suffix}`, {
            ...(body === undefined ? {} : { body }),
            ...(secret === undefined ? {} : { secret }),
          })
          const { requestId, ...said } = await refusalOf(answer, `${method} ${suffix}`)
          expect(said.code).toBe('cart.unknown')
          words.add(JSON.stringify(said))
        }
      }
      expect(words.size).toBe(1)
    }
  })
})

describe('an order', () => {
  const place = (body: unknown) => send('POST', orderPath(), { body, secret: cart.secret })

  test('names the field that it cannot take', async () => {
    const address = (change: object) => ({ shippingAddress: { ...ADDRESS, ...change } })
    const cases: [object, string][] = [
      [{ expectedTotalMinor: -1 }, '/expectedTotalMinor'],
      [{ expectedTotalMinor: 0.5 }, '/expectedTotalMinor'],
      [{ expectedTotalMinor: 1e15 }, '/expectedTotalMinor'],
      [{ expectedTotalMinor: '100' }, '/expectedTotalMinor'],
      [{ paymentMethod: 'free' }, '/paymentMethod'],
      [{ email: 'nobody' }, '/email'],
      [{ email: `${'a'.repeat(250)}@b.de` }, '/email'],
      [{ email: 'a\u0000@example.com' }, '/email'],
      [{ shippingAddress: null }, '/shippingAddress'],
      [address({ country: 'Germany' }), '/shippingAddress/country'],
      [address({ city: '' }), '/shippingAddress/city'],
      [address({ planet: 'Earth' }), '/shippingAddress/planet'],
      [{ discount: 100 }, '/discount'],
    ]
    for (const [change, pointer] of cases) {
      const answer = await place({ ...goodOrder(), ...change })
      const name = JSON.stringify(change)
      await expectRefused(answer, { code: 'request.invalid', pointer, name })
    }
  })

  test('holds no text that a database or a reader cannot: lone surrogates, NULs, controls', async () => {
    for (const bad of ['\\ud800', '\\udfff!', 'a\\u0000b', '\\u0007', '\\u001b[2J', '\\u007f']) {
      for (const field of ['name', 'line1', 'line2', 'city', 'region', 'postalCode']) {
        const shippingAddress = { ...ADDRESS, [field]: '@' }
        const body = JSON.stringify({ ...goodOrder(), shippingAddress }).replace('"@"', `"${bad}"`)
        const pointer = `/shippingAddress/${field}`
        await expectRefused(await place(body), { code: 'request.invalid', pointer, name: body })
      }
    }
  })

  test('at another total than the one of now is refused with the one of now', async () => {
    const answer = await place({ ...goodOrder(), expectedTotalMinor: cart.totalMinor + 1 })
    const { code, totals } = await refusalOf(answer)
    expect(code).toBe('price.changed')
    expect(totals).toMatchObject({ totalMinor: cart.totalMinor })
  })
})

describe('an idempotency key', () => {
  test('that is missing, or no key, is refused by every creating request', async () => {
    const creating: [string, unknown][] = [
      ['/v1/carts', {}],
      [`/v1/carts/${cart.id}/lines`, { lines: [{ sku, quantity: 1 }] }],
      [orderPath(), goodOrder()],
    ]
    for (const [path, body] of creating) {
      const sent = (key: string) =>
        send('POST', path, { body, secret: cart.secret, headers: { 'idempotency-key': key } })
      await expectRefused(await sent(''), { code: 'idempotency.key_required', name: path })
      for (const key of [
        'short',
        'with a space in the key',
        'k'.repeat(129),
        'schlüssel-0123456789',
      ]) {
        const wrong = { code: 'request.invalid', pointer: '/idempotency-key', name: key }
        await expectRefused(await sent(key), wrong)
      }
    }
  })

  test('that was used with another body is refused, and the first answer stands', async () => {
    const key = { 'idempotency-key': crypto.randomUUID() }
    const first = await send('POST', '/v1/carts', { body: { market: 'de' }, headers: key })
    expect(first.status).toBe(201)
    const opened = await first.json()
    before = await contentsOf(system.databaseUrl)
    const second = await send('POST', '/v1/carts', { body: { market: 'gb' }, headers: key })
    await expectRefused(second, { code: 'idempotency.reused' })
    const third = await send('POST', '/v1/carts', { body: { market: 'de' }, headers: key })
    expect(third.status).toBe(201)
    expect(await third.json()).toEqual(opened)
  })
})

describe('staff', () => {
  const asStaff = (method: string, path: string, body: unknown) =>
    send(method, path, { body, token: system.tokens.staff })

  test('are told of an unknown currency, an enormous price, and a level that is none', async () => {
    const prices = `/v1/staff/variants/${sku}/prices`
    const stock = `/v1/staff/stock/${sku}`
    const cases: [string, unknown, string][] = [
      [prices, { prices: { XXX: 1 } }, '/prices/XXX'],
      [prices, { prices: { EUR: -1 } }, '/prices/EUR'],
      [prices, { prices: { EUR: 1e15 } }, '/prices/EUR'],
      [prices, { prices: { EUR: 9.99 } }, '/prices/EUR'],
      [stock, { available: -1 }, '/available'],
      [stock, { available: 2 ** 31 }, '/available'],
      [stock, { available: 'all' }, '/available'],
    ]
    for (const [path, body, pointer] of cases) {
      const name = JSON.stringify(body)
      await expectRefused(await asStaff('PUT', path, body), {
        code: 'request.invalid',
        pointer,
        name,
      })
    }
  })

  test('get a short answer to a body of hundreds of thousands of unknown fields', async () => {
    const members = Array.from({ length: 300_000 }, (_, index) => `"k${index}":1`).join(',')
    const answer = await asStaff('PUT', '/v1/staff/products', `{"rows":[{}],${members}}`)
    const { code, errors } = await refusalOf(answer.clone())
    expect((await answer.text()).length).toBeLessThan(20_000)
    expect(code).toBe('request.invalid')
    expect(errors).toHaveLength(50)
  })
})

test('an unknown field is named in an answer that is no longer than the limit of fields', async () => {
  const members = Array.from({ length: 5_000 }, (_, index) => `"k${index}":1`).join(',')
  const answer = await send('POST', '/v1/carts', { body: `{${members}}` })
  const { errors } = await refusalOf(answer.clone())
  expect(errors).toHaveLength(50)
  expect((await answer.text()).length).toBeLessThan(20_000)
})
