/** The fields that only the catalogue's contracts have, each with its limits. */
import { z } from 'zod'
import { AmountMinor, CurrencyCode, Locale, text } from './fields.ts'

export const ATTRIBUTES_MAX = 200

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
