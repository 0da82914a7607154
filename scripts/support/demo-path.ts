/** The path through the shop: browse at the edge, buy in the cell, be a customer, change a price and see it. */
import { createClient } from '../../shared/client/create-client.ts'
import { ProblemError } from '../../shared/client/errors.ts'
import type { Cart } from '../../shared/contracts/carts.ts'
import type { Product } from '../../shared/contracts/catalog.ts'
import type { Order } from '../../shared/contracts/orders.ts'
import { walkAsCustomer } from './demo-customer.ts'
import { ADDRESS, type Visit } from './demo-visit.ts'
import { Walk, type WalkedStep } from './walk.ts'

/** How a development edge is told where its shopper is; Cloudflare says it in production. */
const IN_GERMANY = { 'MF-CF-Blob': JSON.stringify({ country: 'DE' }) }
const PRICE_CHANGE_MINOR = 100

/** Walks the whole path and puts the price back, so that it can be walked again. */
export async function walkDemo(options: {
  baseUrl: string
  staffToken: string
  onStep?: (step: WalkedStep) => void
}): Promise<readonly WalkedStep[]> {
  const { baseUrl, staffToken, onStep = () => {} } = options
  const walk = new Walk(onStep)
  const { fetch, onResponse } = walk
  const visit: Visit = {
    walk,
    baseUrl,
    shopper: createClient({ baseUrl, fetch, onResponse }),
    staff: createClient({ baseUrl, fetch, onResponse, token: staffToken }),
  }
  const product = await browse(visit)
  if (product === null) return walk.steps
  const variant = product.variants.find(({ availability }) => availability === 'in_stock')!
  await buy(visit, variant.sku)
  await walkAsCustomer(visit, { handle: product.handle, sku: variant.sku })
  await changePrice(visit, product.handle, variant)
  await refusals(visit)
  return walk.steps
}

/** @returns a product that can be bought. */
async function browse({ walk, shopper, baseUrl }: Visit): Promise<Product | null> {
  const query = { market: 'de', limit: 20 }
  let handles: string[] = []
  let product: Product | null = null
  await walk.step('the markets', async () => {
    const { items } = await shopper.catalog.listMarkets()
    return items.some(({ countries }) => countries.includes('DE')) ? null : 'Germany has no market'
  })
  await walk.step('a list of products', async () => {
    const { items } = await shopper.catalog.listProducts({ query })
    handles = items
      .filter(({ availability }) => availability === 'in_stock')
      .map(({ handle }) => handle)
    return handles.length > 0 ? null : 'has nothing that can be bought'
  })
  await walk.step('the list again', async () => {
    await shopper.catalog.listProducts({ query })
    return walk.missed()
  })
  await walk.step('a product', async () => {
    const params = { handle: handles[0] ?? 'none' }
    product = await shopper.catalog.getProduct({ params, query: { market: 'de' } })
    return product.variants.some(({ availability }) => availability === 'in_stock')
      ? null
      : 'is shown as in stock and has no variant that is'
  })
  const url = `${baseUrl}/v1/products/${handles[0]}?market=de`
  let etag = ''
  await walk.step('its headers alone', async () => {
    const response = await walk.send(url, { method: 'HEAD' })
    etag = response.headers.get('etag') ?? ''
    const isWhole = response.status === 200 && response.body === null
    return isWhole && /^"[^"]+"$/.test(etag) ? walk.missed() : 'is not a HEAD with a strong ETag'
  })
  await walk.step('the product, when it is known already', async () => {
    const response = await walk.send(url, { headers: { 'if-none-match': etag } })
    return response.status === 304 ? null : `answered ${response.status}, not 304`
  })
  return product
}

async function buy({ walk, shopper }: Visit, sku: string): Promise<void> {
  let cart: Cart | undefined
  let secret: string | null | undefined
  let order: Order | undefined
  const idempotencyKey = crypto.randomUUID()
  const params = () => ({ cartId: cart?.id ?? 'none' })
  const place = () =>
    shopper.orders.placeOrder({
      params: params(),
      cartSecret: secret,
      idempotencyKey,
      body: {
        expectedTotalMinor: cart?.totals.totalMinor ?? 0,
        paymentMethod: 'test_accept',
        email: 'ada@example.com',
        shippingAddress: ADDRESS,
      },
    })
  await walk.step('a cart, for a shopper in Germany', async () => {
    const opened = await shopper.carts.createCart({ body: {}, headers: IN_GERMANY })
    cart = opened.cart
    secret = opened.secret
    return cart.market === 'de' ? null : `is of the market ${cart.market}`
  })
  await walk.step('lines added', async () => {
    const body = { lines: [{ sku, quantity: 2 }] }
    cart = await shopper.carts.addLines({ params: params(), cartSecret: secret, body })
    return cart.lines[0]?.quantity === 2 ? null : 'are not in the cart'
  })
  await walk.step('lines changed', async () => {
    const body = { set: [{ sku, quantity: 1 }] }
    cart = await shopper.carts.changeLines({ params: params(), cartSecret: secret, body })
    return cart.lines[0]?.quantity === 1 ? null : 'are as they were'
  })
  await walk.step('the order placed', async () => {
    order = await place()
    return order.state === 'confirmed' ? null : `is ${order.state}`
  })
  await walk.step('the same order sent again: one order', async () => {
    const again = await place()
    return again.id === order?.id ? null : 'is a second order'
  })
  await walk.step('the order read', async () => {
    const read = await shopper.orders.getOrder({
      params: { orderId: order?.id ?? 'none' },
      cartSecret: secret,
    })
    const isPaid = read.state === 'confirmed' && read.cartId === cart?.id
    return isPaid ? null : 'is not the one that was placed'
  })
}

async function changePrice(
  { walk, staff }: Visit,
  handle: string,
  variant: Product['variants'][number],
): Promise<void> {
  const { sku, price } = variant
  const changed = price.amountMinor + PRICE_CHANGE_MINOR
  const set = (amountMinor: number) =>
    staff.catalog.setPrices({
      params: { sku },
      body: { prices: { [price.currency]: amountMinor } },
    })
  const shown = async () => {
    const product = await staff.catalog.getProduct({ params: { handle }, query: { market: 'de' } })
    return product.variants.find((each) => each.sku === sku)?.price.amountMinor
  }
  const shows = async (wanted: number) => {
    const amountMinor = await shown()
    return amountMinor === wanted ? null : `shows ${amountMinor}, not ${wanted}`
  }
  await walk.step('a price changed by staff', async () => {
    await set(changed)
    return null
  })
  await walk.step('the very next read, which shows it', () => shows(changed))
  await walk.step('the price put back', async () => {
    await set(price.amountMinor)
    return null
  })
  await walk.step('the very next read, which shows that', () => shows(price.amountMinor))
}

async function refusals({ walk, shopper }: Visit): Promise<void> {
  await walk.step('a product that nobody knows', async () => {
    const read = shopper.catalog.getProduct({ params: { handle: 'no-such-product' } })
    return await isRefused(read, 'product.unknown')
  })
  await walk.step('a price changed by a guest', async () => {
    const write = shopper.catalog.setPrices({ params: { sku: 'X' }, body: { prices: { EUR: 1 } } })
    return await isRefused(write, 'access.denied')
  })
}

async function isRefused(call: Promise<unknown>, code: string): Promise<string | null> {
  try {
    await call
    return 'was not refused'
  } catch (error) {
    if (error instanceof ProblemError && error.code === code) return null
    return `was refused with ${error instanceof ProblemError ? error.code : String(error)}`
  }
}
