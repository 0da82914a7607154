/** Stock levels, as staff see and set them. Shoppers see only an availability state. */
import { z } from 'zod'
import { endpoint, forward } from './endpoint.ts'
import { Availability, Sku } from './fields.ts'

export const STOCK_MAX = 10_000_000

export const StockLevel = z.object({
  sku: Sku,
  available: z.int().describe('Units that may still be sold'),
  availability: Availability,
  version: z.int().describe('Rises with every change; name it to compare and swap'),
})
export type StockLevel = z.infer<typeof StockLevel>

const params = z.strictObject({ sku: Sku })

export const getStock = endpoint({
  method: 'get',
  path: '/v1/staff/stock/{sku}',
  summary: 'The stock level of one SKU',
  access: 'staff:inventory:read',
  serve: forward(),
  request: { params },
  response: StockLevel,
  problems: ['variant.unknown'],
})

export const SetStock = z.strictObject({
  available: z.int().min(0).max(STOCK_MAX),
  version: z.int().min(0).optional().describe('Refused when the level has changed since'),
})
export type SetStock = z.infer<typeof SetStock>

export const setStock = endpoint({
  method: 'put',
  path: '/v1/staff/stock/{sku}',
  summary: 'Sets the units that may be sold',
  access: 'staff:inventory:write',
  serve: forward(),
  request: { params, body: SetStock },
  response: StockLevel,
  problems: ['variant.unknown', 'inventory.version_conflict'],
})
