/** Price lists: what staff write to sell for other than the base price, to a customer group or for a time. */
import { z } from 'zod'
import { CustomerGroup, Instant, ListLimit } from './catalog-fields.ts'
import { endpoint, forward } from './endpoint.ts'
import { AmountMinor, CurrencyCode, Handle, PriceListId, Sku, text } from './fields.ts'

export const LIST_PRICES_WRITE_MAX = 250
const LIST_PRICES_BYTES_MAX = 262_144
const PRIORITY_MAX = 1_000_000

const listFields = {
  name: text(200),
  customerGroup: CustomerGroup.nullable().describe('Whose prices these are; null for everybody’s'),
  startsAt: Instant.nullable().describe('From when they apply; null for ever since'),
  endsAt: Instant.nullable().describe('The first instant at which they no longer apply'),
  priority: z.int().min(0).max(PRIORITY_MAX).describe('Of two lists the greater decides'),
}

export const CreatePriceList = z.strictObject({
  handle: Handle,
  ...listFields,
  customerGroup: listFields.customerGroup.default(null),
  startsAt: listFields.startsAt.default(null),
  endsAt: listFields.endsAt.default(null),
  priority: listFields.priority.default(0),
})
export type CreatePriceList = z.infer<typeof CreatePriceList>

/** Fields left out stay as they are. */
export const UpdatePriceList = z
  .strictObject(listFields)
  .partial()
  .refine((patch) => Object.keys(patch).length > 0, 'at least one field')
export type UpdatePriceList = z.infer<typeof UpdatePriceList>

export const PriceList = z.object({
  id: PriceListId,
  handle: Handle,
  name: z.string(),
  customerGroup: z.string().nullable(),
  startsAt: Instant.nullable(),
  endsAt: Instant.nullable(),
  priority: z.int(),
})
export type PriceList = z.infer<typeof PriceList>

export const ListedVariant = z.object({
  sku: Sku,
  prices: z.partialRecord(CurrencyCode, AmountMinor).describe('Minor units by currency'),
})
export type ListedVariant = z.infer<typeof ListedVariant>

/** A price of `null` is taken out of the list; currencies and variants that are not named stay. */
export const SetListPrices = z.strictObject({
  variants: z
    .array(
      z.strictObject({
        sku: Sku,
        prices: z
          .partialRecord(CurrencyCode, AmountMinor.nullable())
          .refine((all) => Object.keys(all).length > 0, 'at least one price'),
      }),
    )
    .min(1)
    .max(LIST_PRICES_WRITE_MAX),
})
export type SetListPrices = z.infer<typeof SetListPrices>

const listParams = z.strictObject({ priceListId: PriceListId })
const read = 'staff:catalogue:read'
const write = 'staff:catalogue:write'

export const createPriceList = endpoint({
  method: 'post',
  path: '/v1/staff/price-lists',
  summary: 'Creates a price list, without prices',
  access: write,
  serve: forward({ creates: true }),
  status: 201,
  request: { body: CreatePriceList },
  response: PriceList,
  problems: ['pricelist.handle_taken'],
})

export const listPriceLists = endpoint({
  method: 'get',
  path: '/v1/staff/price-lists',
  summary: 'A page of price lists, by handle',
  access: read,
  serve: forward(),
  request: { query: z.strictObject({ limit: ListLimit, after: Handle.optional() }) },
  response: z.object({
    items: z.array(PriceList),
    next: Handle.nullable().describe('Pass it as `after` for the page that follows'),
  }),
  problems: [],
})

export const getPriceList = endpoint({
  method: 'get',
  path: '/v1/staff/price-lists/{priceListId}',
  summary: 'One price list with a page of its prices, by SKU',
  access: read,
  serve: forward(),
  request: {
    params: listParams,
    query: z.strictObject({ limit: ListLimit, after: Sku.optional() }),
  },
  response: z.object({
    list: PriceList,
    items: z.array(ListedVariant),
    next: Sku.nullable().describe('Pass it as `after` for the page that follows'),
  }),
  problems: ['pricelist.unknown'],
})

export const updatePriceList = endpoint({
  method: 'patch',
  path: '/v1/staff/price-lists/{priceListId}',
  summary: 'Changes a price list’s name, group, schedule or priority',
  access: write,
  serve: forward(),
  request: { params: listParams, body: UpdatePriceList },
  response: PriceList,
  problems: ['pricelist.unknown', 'pricelist.too_many'],
})

export const setListPrices = endpoint({
  method: 'put',
  path: '/v1/staff/price-lists/{priceListId}/prices',
  summary: 'Sets prices in a price list, or takes them out: all of those named, or none',
  access: write,
  serve: forward({ bodyBytesMax: LIST_PRICES_BYTES_MAX }),
  request: { params: listParams, body: SetListPrices },
  response: PriceList,
  problems: ['pricelist.unknown', 'pricelist.too_many', 'variant.unknown'],
})

export const deletePriceList = endpoint({
  method: 'delete',
  path: '/v1/staff/price-lists/{priceListId}',
  summary: 'Deletes a price list and its prices',
  access: write,
  serve: forward(),
  request: { params: listParams },
  response: PriceList,
  problems: ['pricelist.unknown'],
})
