/**
 * The place in a list where the next page begins: the sort key and id of the last product shown.
 */
import { z } from 'zod'
import type { ProductSort } from '../../../shared/contracts/catalog.ts'
import { ProductId, text } from '../../../shared/contracts/fields.ts'
import { AMOUNT_MINOR_MAX } from '../../../shared/money.ts'
import { invalidField } from '../../../shared/problems.ts'
import { SORT_NAME_LENGTH_MAX } from './render.ts'

/**
 * A place between two products, whether or not the product it names still stands there. The key is
 * what its sort compares: a folded name, minor units, or milliseconds since 1970.
 */
export interface Cursor {
  sort: ProductSort
  key: string | number
  id: string
}

/** The last millisecond of the year 9999, up to which a timestamp is written with four digits. */
const TIME_MS_MAX = 253_402_300_799_999

const name = text(SORT_NAME_LENGTH_MAX * 2, 0)
const amount = z.int().min(0).max(AMOUNT_MINOR_MAX)
const Place = z.union([
  z.tuple([z.literal('newest'), z.int().min(0).max(TIME_MS_MAX), ProductId]),
  z.tuple([z.literal('name'), name, ProductId]),
  z.tuple([z.literal('price'), amount, ProductId]),
  z.tuple([z.literal('-price'), amount, ProductId]),
])

export function formatCursor({ sort, key, id }: Cursor): string {
  return Buffer.from(JSON.stringify([sort, key, id])).toString('base64url')
}

/** @throws {Problem} `request.invalid` for what is no cursor, or one of another sort. */
export function parseCursor(text: string, sort: ProductSort): Cursor {
  const place = Place.safeParse(jsonOf(text))
  if (!place.success || place.data[0] !== sort) {
    throw invalidField('query', '/after', `is not the \`next\` of a list sorted by ${sort}`)
  }
  const [, key, id] = place.data
  return { sort, key, id }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    return null
  }
}
