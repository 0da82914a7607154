/** Orders: placed from a cart, paid once. */
import { z } from 'zod'
import { Totals } from './carts.ts'
import { endpoint, forward } from './endpoint.ts'
import {
  AmountMinor,
  CartId,
  Channel,
  Country,
  Email,
  Locale,
  MarketId,
  OrderId,
  Sku,
  text,
} from './fields.ts'

export const OrderState = z.enum(['payment_pending', 'confirmed', 'payment_failed'])
export type OrderState = z.infer<typeof OrderState>

/** What the built-in test provider does with a payment; a real provider has tokens of its own here. */
export const PaymentMethod = z.enum([
  'test_accept',
  'test_decline',
  'test_timeout',
  'test_timeout_uncharged',
])

export const Address = z.strictObject({
  name: text(200),
  line1: text(200),
  line2: text(200).optional(),
  city: text(100),
  region: text(100).optional(),
  postalCode: text(20),
  country: Country,
})

export const PlaceOrder = z.strictObject({
  expectedTotalMinor: AmountMinor.describe('The total the shopper saw'),
  paymentMethod: PaymentMethod,
  email: Email,
  shippingAddress: Address,
})
export type PlaceOrder = z.infer<typeof PlaceOrder>

export const Order = z.object({
  id: OrderId,
  cartId: CartId,
  state: OrderState,
  market: MarketId,
  locale: Locale,
  channel: Channel,
  email: z.string().nullable().describe('Null once the customer was erased'),
  shippingAddress: Address.nullable().describe('Null once the customer was erased'),
  country: Country.describe('Where it goes'),
  lines: z.array(
    z.object({
      sku: Sku,
      name: z.string(),
      options: z.record(z.string(), z.string()),
      quantity: z.int(),
      unitPriceMinor: AmountMinor,
      totalMinor: AmountMinor,
      taxMinor: AmountMinor,
    }),
  ),
  totals: Totals,
  placedAt: z.iso.datetime(),
})
export type Order = z.infer<typeof Order>

export const placeOrder = endpoint({
  method: 'post',
  path: '/v1/carts/{cartId}/order',
  summary:
    'Places the cart’s order: takes the stock, charges once. A payment whose outcome is not known yet leaves it `payment_pending`',
  access: 'holder',
  serve: forward({ creates: true }),
  status: 201,
  request: { params: z.strictObject({ cartId: CartId }), body: PlaceOrder },
  response: Order,
  problems: [
    'cart.unknown',
    'cart.closed',
    'cart.empty',
    'price.changed',
    'inventory.insufficient',
    'payment.declined',
  ],
})

export const getOrder = endpoint({
  method: 'get',
  path: '/v1/orders/{orderId}',
  summary: 'One order, for its customer; a guest’s, for the holder of its cart’s secret',
  access: 'holder',
  serve: forward(),
  request: { params: z.strictObject({ orderId: OrderId }) },
  response: Order,
  problems: ['order.unknown'],
})

const ORDERS_LIMIT_MAX = 50

export const listMyOrders = endpoint({
  method: 'get',
  path: '/v1/me/orders',
  summary: 'The customer’s orders, the newest first',
  access: 'customer',
  serve: forward(),
  request: {
    query: z.strictObject({
      limit: z.coerce.number<number | string>().int().min(1).max(ORDERS_LIMIT_MAX).default(20),
      after: OrderId.optional().describe('The `next` of the page before'),
    }),
  },
  response: z.object({ items: z.array(Order), next: OrderId.nullable() }),
  problems: [],
})
