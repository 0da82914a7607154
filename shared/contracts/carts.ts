/**
 * Carts, in the cell that the id names. A guest's is held by whoever has its secret; one that is a customer's, by that customer's
 * token alone.
 */
import { z } from 'zod'
import { endpoint, forward } from './endpoint.ts'
import {
  AmountMinor,
  Availability,
  CartId,
  Channel,
  CurrencyCode,
  Locale,
  MarketId,
  Sku,
} from './fields.ts'

/** Beyond it no line is added. A cart that took another one in may hold more, because merging drops nothing. */
export const CART_LINES_MAX = 100
/** Where nobody names one. */
export const DEFAULT_CHANNEL = 'web'
export const LINE_QUANTITY_MAX = 999

export const CartLine = z.object({
  sku: Sku,
  productHandle: z.string(),
  name: z.string(),
  options: z.record(z.string(), z.string()),
  quantity: z.int(),
  unitPriceMinor: AmountMinor,
  totalMinor: AmountMinor,
  availability: Availability,
})

export const Totals = z.object({
  currency: CurrencyCode,
  pricesIncludeTax: z.boolean(),
  subtotalMinor: AmountMinor.describe('The lines as priced, tax in or out as the market shows'),
  taxMinor: AmountMinor,
  totalMinor: AmountMinor.describe('What is charged'),
})
export type Totals = z.infer<typeof Totals>

export const CartStatus = z
  .enum(['open', 'placing', 'ordered', 'merged'])
  .describe('`merged`: its lines went into the customer’s open cart')

export const Cart = z.object({
  id: CartId,
  status: CartStatus,
  market: MarketId,
  locale: Locale,
  channel: Channel,
  lines: z.array(CartLine),
  totals: Totals,
  unavailable: z.array(Sku).describe('SKUs that can no longer be bought and are not in the totals'),
})
export type Cart = z.infer<typeof Cart>

export const LineInput = z.strictObject({
  sku: Sku,
  quantity: z.int().min(1).max(LINE_QUANTITY_MAX),
})
const LineInputs = z
  .array(LineInput)
  .max(CART_LINES_MAX)
  .refine((lines) => new Set(lines.map((line) => line.sku)).size === lines.length, {
    message: 'each SKU at most once',
  })

export const CreateCart = z.strictObject({
  market: MarketId.optional(),
  locale: Locale.optional(),
  channel: Channel.optional().describe(`The sales channel; \`${DEFAULT_CHANNEL}\` when left out`),
  lines: LineInputs.default([]),
})
export type CreateCart = z.infer<typeof CreateCart>

const cartParams = z.strictObject({ cartId: CartId })

export const createCart = endpoint({
  method: 'post',
  path: '/v1/carts',
  summary:
    'Opens a cart. A guest’s secret is shown here and never again. A customer has one open cart: where it is open already, the lines are added to it',
  access: 'public',
  serve: forward({ creates: true }),
  status: 201,
  request: { body: CreateCart },
  response: z.object({
    cart: Cart,
    secret: z.string().nullable().describe('Null for a customer’s cart, which their token holds'),
  }),
  problems: [
    'market.unknown',
    'locale.unknown',
    'variant.unknown',
    'cart.too_many_lines',
    'cart.quantity_exceeded',
  ],
})

export const getMyCart = endpoint({
  method: 'get',
  path: '/v1/me/cart',
  summary: 'The customer’s open cart with today’s prices and totals',
  access: 'customer',
  serve: forward(),
  request: {},
  response: Cart,
  problems: ['cart.unknown'],
})

export const getCart = endpoint({
  method: 'get',
  path: '/v1/carts/{cartId}',
  summary: 'The cart with today’s prices and totals',
  access: 'holder',
  serve: forward(),
  request: { params: cartParams },
  response: Cart,
  problems: ['cart.unknown'],
})

export const addLines = endpoint({
  method: 'post',
  path: '/v1/carts/{cartId}/lines',
  summary: 'Adds units to a cart, on top of what it holds',
  access: 'holder',
  serve: forward({ creates: true }),
  request: {
    params: cartParams,
    body: z.strictObject({ lines: LineInputs.min(1) }),
  },
  response: Cart,
  problems: [
    'cart.unknown',
    'cart.closed',
    'cart.too_many_lines',
    'cart.quantity_exceeded',
    'variant.unknown',
  ],
})

export const ChangeLines = z
  .strictObject({
    set: LineInputs.default([]).describe('Lines to have, at these quantities'),
    remove: z.array(Sku).max(CART_LINES_MAX).default([]),
  })
  .refine((change) => change.set.length + change.remove.length > 0, 'nothing to change')
  .refine((change) => change.set.every((line) => !change.remove.includes(line.sku)), {
    message: 'a SKU is either set or removed',
  })
export type ChangeLines = z.infer<typeof ChangeLines>

export const changeLines = endpoint({
  method: 'patch',
  path: '/v1/carts/{cartId}/lines',
  summary: 'Sets and removes lines in one call; repeating it changes nothing',
  access: 'holder',
  serve: forward(),
  request: { params: cartParams, body: ChangeLines },
  response: Cart,
  problems: [
    'cart.unknown',
    'cart.closed',
    'cart.too_many_lines',
    'cart.quantity_exceeded',
    'variant.unknown',
  ],
})
