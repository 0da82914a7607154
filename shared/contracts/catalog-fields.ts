/** The fields that only the catalogue's contracts have, each with its limits. */
import { z } from 'zod'
import { CUSTOMER_GROUP } from '../principal.ts'
import { AmountMinor, CurrencyCode, Locale, text } from './fields.ts'

export const ATTRIBUTES_MAX = 200
const LIST_LIMIT_MAX = 100
const LIST_LIMIT_DEFAULT = 20

/** How many items of a list a page has at most. */
export const ListLimit = z.coerce
  .number<number | string>()
  .int()
  .min(1)
  .max(LIST_LIMIT_MAX)
  .default(LIST_LIMIT_DEFAULT)

/** A URL as it is written on the wire (RFC 3986): visible ASCII, the rest percent-encoded. */
const MediaUrl = z
  .url({ protocol: /^https?$/ })
  .max(2_048)
  .regex(/^[!-~]+$/)
export const Media = z.strictObject({ url: MediaUrl, alt: text(500, 0) })
export const AttributeValue = z.union([text(4_000, 0), z.number(), z.boolean()])
const AttributeName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/)
export const OptionName = text(60)
export const OptionValue = text(120)
export const Attributes = z
  .record(AttributeName, AttributeValue)
  .refine(
    (all) => Object.keys(all).length <= ATTRIBUTES_MAX,
    `at most ${ATTRIBUTES_MAX} attributes`,
  )

const Translation = z.strictObject({ name: text(300), description: text(20_000, 0).default('') })
export const Translations = z
  .record(Locale, Translation)
  .refine((all) => Object.keys(all).length >= 1, 'at least one translation')
export const Prices = z.partialRecord(CurrencyCode, AmountMinor).describe('Minor units by currency')

export const CustomerGroup = z.string().max(32).regex(CUSTOMER_GROUP)

/** RFC 3339 in UTC, to the millisecond at most: `2026-11-27T08:00:00.000Z`. */
export const Instant = z.iso
  .datetime()
  .max(24)
  .refine((instant) => instant >= '1970', 'must not be before 1970')
