/** The fields that several contracts share, each with its limits. */
import { z } from 'zod'
import { CELL_NAME, cellIdPattern, globalIdPattern } from '../ids.ts'
import { AMOUNT_MINOR_MAX, CURRENCIES } from '../money.ts'
import { CHANNEL } from '../principal.ts'

/** Text a database and a JSON reader can both hold: no NUL, no lone surrogate, no control but tab and line breaks. */
export function text(lengthMax: number, lengthMin = 1) {
  return z
    .string()
    .min(lengthMin)
    .max(lengthMax)
    .refine((value) => value.isWellFormed() && !CONTROL.test(value), {
      message: 'must be well-formed text without control characters',
    })
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

export const HANDLE_LENGTH_MAX = 120
export const Handle = z
  .string()
  .max(HANDLE_LENGTH_MAX)
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/)
export const Sku = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
export const MarketId = z
  .string()
  .max(16)
  .regex(/^[a-z][a-z0-9-]*$/)
/** A BCP 47 language tag, as far as language and region go. */
export const Locale = z
  .string()
  .max(10)
  .regex(/^[a-z]{2,3}(?:-[A-Z]{2})?$/)
export const Country = z.string().regex(/^[A-Z]{2}$/)
export const CurrencyCode = z.enum(CURRENCIES)
export const AmountMinor = z.int().min(0).max(AMOUNT_MINOR_MAX)
export const Money = z.strictObject({ amountMinor: AmountMinor, currency: CurrencyCode })
export const Email = z.email().max(254)

export const ProductId = z.string().regex(globalIdPattern('prod'))
export const CategoryId = z.string().regex(globalIdPattern('cat'))
export const PriceListId = z.string().regex(globalIdPattern('plist'))
export const CartId = z.string().regex(cellIdPattern('cart'))
export const OrderId = z.string().regex(cellIdPattern('ord'))
export const CustomerId = z.string().regex(cellIdPattern('cus'))
export const StaffId = z.string().regex(cellIdPattern('stf'))
export const SessionId = z.string().regex(cellIdPattern('ses'))
export const AddressId = z.string().regex(cellIdPattern('adr'))
export const InvitationId = z.string().regex(cellIdPattern('inv'))
export const AccountId = z.union([CustomerId, StaffId])
export const CellName = z.string().regex(new RegExp(`^${CELL_NAME}$`))
/** Of a sales channel, such as `web`. */
export const Channel = z.string().regex(CHANNEL)

export const Availability = z.enum(['in_stock', 'low', 'out_of_stock', 'backorder'])
export type Availability = z.infer<typeof Availability>

/** The market and language of an answer; without them the edge decides by country and `Accept-Language`. */
export const Localised = { market: MarketId.optional(), locale: Locale.optional() }
