/** A small shop to buy in: markets, variants with prices and stock, and the calls that a shopper makes. */
import { sql } from 'drizzle-orm'
import { openStock } from '../../regional/modules/inventory/index.ts'
import { orders } from '../../regional/modules/orders/index.ts'
import type { Cart } from '../../shared/contracts/carts.ts'
import type { Order } from '../../shared/contracts/orders.ts'
import { newGlobalId } from '../../shared/ids.ts'
import { GUEST } from '../../shared/principal.ts'
import type { TestCell } from './cell.ts'
import { queryRows } from './database.ts'

export interface ShopVariant {
  sku: string
  /** Minor units by currency; EUR 1,000 when left out. */
  prices?: Record<string, number>
  available?: number
  status?: 'draft' | 'published' | 'retired'
}

/** Markets `de` (EUR, tax in) and `us` (USD, tax out, the default), and one product a variant. */
export async function openShop(cell: TestCell, variants: readonly ShopVariant[]): Promise<void> {
  const { db } = cell.services
  await db.execute(sql`
    insert into market (id, name, countries, currency, locales, prices_include_tax,
      tax_basis_points, is_default)
    values ('de', 'Germany', '{DE,AT}', 'EUR', '{de,en}', true, 1900, false),
      ('us', 'United States', '{US}', 'USD', '{en}', false, 825, true)
    on conflict (id) do nothing`)
  for (const variant of variants) await addVariant(cell, variant)
}

async function addVariant(cell: TestCell, variant: ShopVariant): Promise<void> {
  const { sku, prices = { EUR: 1_000 }, available = 100, status = 'published' } = variant
  const { db } = cell.services
  const productId = newGlobalId('prod')
  const variantId = newGlobalId('var')
  await db.inTransaction(async (tx) => {
    await tx.query.execute(sql`
      insert into product (id, handle, status, options, attributes, media, published_at)
      values (${productId}, ${sku.toLowerCase()}, ${status}, '[]', '{}', '[]', now())`)
    await tx.query.execute(sql`
      insert into product_translation (product_id, locale, name, description)
      values (${productId}, 'en', ${`The ${sku}`}, ''), (${productId}, 'de', ${`Das ${sku}`}, '')`)
    await tx.query.execute(sql`
      insert into variant (id, product_id, sku, options, position, availability)
      values (${variantId}, ${productId}, ${sku}, '{}', 0, 'in_stock')`)
    for (const [currency, amountMinor] of Object.entries(prices)) {
      await tx.query.execute(sql`
        insert into price (variant_id, currency, amount_minor)
        values (${variantId}, ${currency}, ${amountMinor})`)
    }
    const actor = { principal: GUEST, cartSecret: null, requestId: 'test' }
    await openStock(tx, actor, [{ sku, available }])
  })
}

export async function setPrice(
  cell: TestCell,
  price: { sku: string; currency: string; amountMinor: number },
): Promise<void> {
  await cell.services.db.execute(sql`
    update price set amount_minor = ${price.amountMinor} from variant
    where variant.id = price.variant_id and variant.sku = ${price.sku}
      and price.currency = ${price.currency}`)
}

export interface OpenedCart {
  id: string
  secret: string
  cart: Cart
}

export async function openCart(
  cell: TestCell,
  lines: readonly { sku: string; quantity: number }[],
  market = 'de',
): Promise<OpenedCart> {
  const response = await cell.call('post', '/v1/carts', { body: { market, lines } })
  if (response.status !== 201) throw new Error(await response.text())
  const { cart, secret } = (await response.json()) as { cart: Cart; secret: string }
  return { id: cart.id, secret, cart }
}

export const ADDRESS = {
  name: 'Ada Muster',
  line1: 'Hauptstraße 1',
  city: 'Berlin',
  postalCode: '10115',
  country: 'DE',
}

/** An order of the cart as its holder sees it. */
export function orderBody(cart: Cart, paymentMethod = 'test_accept') {
  return {
    expectedTotalMinor: cart.totals.totalMinor,
    paymentMethod,
    email: 'ada@example.com',
    shippingAddress: ADDRESS,
  }
}

export async function order(
  cell: TestCell,
  { id, secret, cart }: OpenedCart,
  options: { paymentMethod?: string; idempotencyKey?: string } = {},
): Promise<Response> {
  const { paymentMethod, ...call } = options
  return await cell.call('post', `/v1/carts/${id}/order`, {
    cartSecret: secret,
    body: orderBody(cart, paymentMethod),
    ...call,
  })
}

export async function problemOf(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>
}

export async function orderOf(response: Response): Promise<Order> {
  return (await response.json()) as Order
}

/** SKUs whose level is not the sum of their movements: there may be none, whatever happened. */
export async function ledgerFaults(cell: TestCell): Promise<unknown[]> {
  return await queryRows(
    cell.url,
    `select level.sku, level.available, coalesce(sum(movement.quantity), 0)::int as moved
     from stock_level level left join stock_movement movement on movement.sku = level.sku
     group by level.sku, level.available
     having level.available <> coalesce(sum(movement.quantity), 0)`,
  )
}

export async function unitsOf(cell: TestCell, sku: string): Promise<number> {
  const text = 'select available from stock_level where sku = $1'
  const [level] = await queryRows<{ available: number }>(cell.url, text, [sku])
  return level!.available
}

/** Runs the job that finishes what a payment left open. */
export async function reconcile(cell: TestCell): Promise<void> {
  const job = orders.jobs.find((candidate) => candidate.name === 'reconcile-payments')
  await job!.run(cell.services)
}
