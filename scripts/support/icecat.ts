/** Maps a product of an Open Icecat export to a row of our import: pure, one record at a time. */
import { z } from 'zod'
import type { ImportRow } from '../../shared/contracts/catalog.ts'
import { ATTRIBUTES_MAX } from '../../shared/contracts/catalog-fields.ts'
import { HANDLE_LENGTH_MAX } from '../../shared/contracts/fields.ts'
import { categoryOf } from './icecat-categories.ts'

/** The export has prices in US dollars alone; these factors are the demo's, not a day's rate. */
const EUR_PER_USD = 0.92
const GBP_PER_USD = 0.79
/** The export knows no stock; every new product opens with this. */
const OPENING_STOCK = 100

const NAME_LENGTH_MAX = 300
const DESCRIPTION_LENGTH_MAX = 20_000
const BRAND_LENGTH_MAX = 200
const ATTRIBUTE_NAME_LENGTH_MAX = 100
const ATTRIBUTE_TEXT_LENGTH_MAX = 1_000
const ALT_LENGTH_MAX = 500
const URL_LENGTH_MAX = 2_048
const PRICE_USD_MINOR_MAX = 10_000_000_000

const Record = z.looseObject({
  id: z.string().regex(/^\d{1,20}$/),
  title: z.string().trim().min(1),
  price: z.int().min(1).max(PRICE_USD_MINOR_MAX),
  supplier: z.string().optional(),
  short_description: z.string().optional(),
  ean: z.array(z.string()).optional(),
  date_released: z.string().optional(),
})
type Record = z.infer<typeof Record>

export type Mapped = { row: ImportRow } | { reason: string }

/** The row, or why the record cannot be one. */
export function rowOfIcecat(record: unknown): Mapped {
  const read = Record.safeParse(record)
  if (!read.success) {
    const [issue] = read.error.issues
    return { reason: `${issue!.path.join('.') || 'record'}: ${issue!.message}` }
  }
  const { id, title, price, supplier = '', short_description: description = '' } = read.data
  const name = clean(title, NAME_LENGTH_MAX)
  const row: ImportRow = {
    externalId: `icecat:${id}`,
    handle: handleOf(title, id),
    brand: clean(supplier, BRAND_LENGTH_MAX) || null,
    translations: { en: { name, description: clean(description, DESCRIPTION_LENGTH_MAX) } },
    categories: [categoryOf(read.data)],
    options: [],
    attributes: attributesOf(read.data),
    media: mediaOf(read.data, clean(title, ALT_LENGTH_MAX)),
    variants: [
      { sku: `ICECAT-${id}`, options: {}, prices: pricesOf(price), available: OPENING_STOCK },
    ],
  }
  return name === '' ? { reason: 'title: is empty' } : { row }
}

function pricesOf(usdMinor: number): ImportRow['variants'][number]['prices'] {
  return {
    USD: usdMinor,
    EUR: Math.round(usdMinor * EUR_PER_USD),
    GBP: Math.round(usdMinor * GBP_PER_USD),
  }
}

/** Titles repeat, ids do not. */
function handleOf(title: string, id: string): string {
  const words = slugOf(title).slice(0, HANDLE_LENGTH_MAX - id.length - 1)
  return `${words}-${id}`.replaceAll(/-{2,}/g, '-').replace(/^-/, '')
}

/**
 * Lower-case ASCII letters and digits, joined by hyphens: `Übergröße 3,5″` becomes
 * `ubergrosse-3-5`.
 */
export function slugOf(text: string): string {
  return text
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g

/** Text that our fields accept: well-formed, without control characters, cut between characters. */
function clean(text: string, lengthMax: number): string {
  const whole = text.toWellFormed().replaceAll(CONTROL, ' ').trim()
  return whole.length <= lengthMax
    ? whole
    : whole.slice(0, lengthMax).replace(/[\ud800-\udbff]$/, '')
}

const ATTRIBUTE = /^attr_[tnb]_(.+)$/

/**
 * `attr_t_operating_temperature__t_t_` becomes `operating_temperature_t_t`; of two like names the
 * first stays.
 */
function attributesOf(record: Record): ImportRow['attributes'] {
  const attributes = new Map<string, string | number | boolean>()
  const { ean = [], date_released: released } = record
  if (ean.length > 0) attributes.set('ean', clean(ean.join(', '), ATTRIBUTE_TEXT_LENGTH_MAX))
  if (released !== undefined) attributes.set('released', clean(released, 40))
  for (const [key, value] of Object.entries(record)) {
    const name = attributeName(ATTRIBUTE.exec(key)?.[1] ?? '')
    const cleaned = attributeValue(value)
    if (name === '' || cleaned === null || attributes.has(name)) continue
    attributes.set(name, cleaned)
    if (attributes.size === ATTRIBUTES_MAX) break
  }
  return Object.fromEntries(attributes)
}

function attributeName(key: string): string {
  const name = key.replaceAll(/[^A-Za-z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '')
  return name.slice(0, ATTRIBUTE_NAME_LENGTH_MAX)
}

function attributeValue(value: unknown): string | number | boolean | null {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'string') return null
  return clean(value, ATTRIBUTE_TEXT_LENGTH_MAX) || null
}

/** The images by size, each URL once; what is no http URL is left out. */
function mediaOf(record: Record, alt: string): ImportRow['media'] {
  const urls = [record.img_500x500, record.img_high].flatMap((url) => {
    if (typeof url !== 'string' || !URL.canParse(url)) return []
    const { href, protocol } = new URL(url)
    const isHttp = protocol === 'http:' || protocol === 'https:'
    return isHttp && href.length <= URL_LENGTH_MAX ? [href] : []
  })
  return [...new Set(urls)].map((url) => ({ url, alt }))
}
