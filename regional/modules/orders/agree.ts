/** The first transaction of an order: what is agreed, before a provider is asked for the money. */
import { sql } from 'drizzle-orm'
import type { Order, PlaceOrder } from '../../../shared/contracts/orders.ts'
import { newCellId } from '../../../shared/ids.ts'
import { isCurrency } from '../../../shared/money.ts'
import { groupOf } from '../../../shared/principal.ts'
import { Problem } from '../../../shared/problems.ts'
import { codeOf, constraintOf, type Tx } from '../../platform/database.ts'
import { eventsJson, insertingEvents } from '../../platform/finish.ts'
import type { IdempotencyRecord } from '../../platform/idempotency.ts'
import type { Actor } from '../../platform/implement.ts'
import { holdingSession } from '../../platform/sessions.ts'
import { statement, value } from '../../platform/statement.ts'
import {
  closeCart,
  lockOpenCart,
  type PricedCart,
  priceCart,
  type StoredCart,
} from '../carts/index.ts'
import { takeStock } from '../inventory/index.ts'
import { type PendingPayment, recordPayment } from '../payments/index.ts'
import { orderPlaced } from './events.ts'

interface Values extends Record<string, unknown> {
  order: string
  customerId: string | null
  session: string | null
  cartId: string
  payment: string
  retryAt: string
  events: string
}

/**
 * An order that is a customer's depends on their session, and holds it to the commit: what ends the session, such as an
 * erasure, then finds the order, or there is none.
 */
const insertAgreed = statement<Values, { isPlaced: boolean }>(
  'order_agree',
  sql`
  with held as (${holdingSession}),
  agreed as (
    select id, "cartId", state, market, locale, channel, email, "shippingAddress", totals, lines,
      "placedAt"
    from jsonb_to_record(${value('order')}::jsonb) as agreed(
      id text, "cartId" text, state text, market text, locale text, channel text, email text,
      "shippingAddress" jsonb, totals jsonb, lines jsonb, "placedAt" timestamptz)
  ),
  placed as (
    insert into "order" (id, cart_id, customer_id, state, market, locale, channel, email,
      shipping_address, currency, prices_include_tax, subtotal_minor, tax_minor, total_minor,
      placed_at)
    select id, "cartId", ${value('customerId')}, state, market, locale, channel, email,
      "shippingAddress", totals->>'currency', (totals->>'pricesIncludeTax')::boolean,
      (totals->>'subtotalMinor')::bigint, (totals->>'taxMinor')::bigint,
      (totals->>'totalMinor')::bigint, "placedAt"
    from agreed
  ),
  lines as (
    insert into order_line (order_id, position, sku, name, options, quantity, unit_price_minor,
      total_minor, tax_minor)
    select agreed.id, line.position, line.value->>'sku', line.value->>'name',
      line.value->'options', (line.value->>'quantity')::int,
      (line.value->>'unitPriceMinor')::bigint, (line.value->>'totalMinor')::bigint,
      (line.value->>'taxMinor')::bigint
    from agreed, jsonb_array_elements(agreed.lines) with ordinality as line(value, position)
  ),
  intent as (${recordPayment}),
  closed as (${closeCart}),
  events as (${insertingEvents()})
  select ${value('customerId')}::text is null or exists (select from held) as "isPlaced"`,
)

export interface Agreement {
  order: Order
  payment: PendingPayment
}

export interface AgreeOptions {
  cell: string
  now: Date
  /** The provider that is about to be asked. */
  provider: string
  reconcileAfterMs: number
  idempotency: IdempotencyRecord
}

/**
 * Takes the stock and records order, lines and payment intent; the cart is closed to changes meanwhile.
 *
 * Locks are taken in this order: key, cart, stock by SKU. Stock comes last, because buyers of one SKU wait for it.
 *
 * @throws {Problem} with nothing changed: `cart.unknown`, `cart.closed`, `cart.empty`; `inventory.insufficient` with
 *   the `skus` that fall short or are sold no more; `price.changed` with the `totals` of now.
 */
export async function agree(
  tx: Tx,
  actor: Actor,
  input: PlaceOrder & { cartId: string },
  options: AgreeOptions,
): Promise<Agreement> {
  const cart = await lockOpenCart(tx, actor, input.cartId)
  if (cart.lines.length === 0) throw new Problem('cart.empty')
  const priced = await priceCart(tx, cart, groupOf(actor.principal))
  assertAsShown(priced, input.expectedTotalMinor)
  const order = agreedOrder(cart, priced, input, options)
  const payment = intentOf(order, input.paymentMethod, options)
  await takeStock(tx, { reference: order.id, lines: order.lines })
  const { principal } = actor
  const customer = principal.kind === 'customer' ? principal : null
  const [agreed] = await tx
    .run(insertAgreed, {
      order: JSON.stringify(order),
      customerId: customer?.id ?? null,
      session: customer?.session ?? null,
      cartId: cart.id,
      payment: JSON.stringify({ ...payment, provider: options.provider }),
      retryAt: new Date(options.now.getTime() + options.reconcileAfterMs).toISOString(),
      events: eventsJson(orderPlaced(order)),
    })
    .catch((error: unknown) => {
      throw isSecondLiveOrder(error) ? new Problem('cart.closed', { cause: error }) : error
    })
  if (!agreed!.isPlaced) throw new Problem('token.refused')
  return { order, payment }
}

/** A line that is sold no more refuses the order too: nothing is left out of it silently. */
function assertAsShown({ unavailable, totals }: PricedCart, expectedTotalMinor: number): void {
  if (unavailable.length > 0) {
    throw new Problem('inventory.insufficient', { extensions: { skus: unavailable } })
  }
  if (totals.totalMinor !== expectedTotalMinor) {
    throw new Problem('price.changed', { extensions: { totals } })
  }
}

function agreedOrder(
  cart: StoredCart,
  priced: PricedCart,
  input: PlaceOrder,
  { cell, now }: AgreeOptions,
): Order {
  return {
    id: newCellId('ord', cell),
    cartId: cart.id,
    state: 'payment_pending',
    market: cart.market,
    locale: cart.locale,
    channel: cart.channel,
    email: input.email,
    shippingAddress: input.shippingAddress,
    country: input.shippingAddress.country,
    lines: priced.lines.map(({ productHandle, availability, ...line }) => line),
    totals: priced.totals,
    placedAt: now.toISOString(),
  }
}

function intentOf(
  { id, totals }: Order,
  method: string,
  { cell, idempotency }: AgreeOptions,
): PendingPayment {
  const { currency, totalMinor } = totals
  if (!isCurrency(currency)) throw new Error('an order is in a currency that does not exist')
  return {
    id: newCellId('pay', cell),
    orderId: id,
    method,
    amountMinor: totalMinor,
    currency,
    idempotency,
  }
}

function isSecondLiveOrder(error: unknown): boolean {
  return codeOf(error) === '23505' && constraintOf(error) === 'order_one_per_cart'
}
