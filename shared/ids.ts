/**
 * Ids: a kind, the cell it lives in unless it is global, and a UUIDv7 (RFC 9562 §5.7), so they sort by time.
 *
 * `prod_0199c1…` is global; `ord_eu_0199c1…` lives in the cell `eu`, and the edge routes by that alone.
 */
import { uuidv7obj } from 'uuidv7'

export const GLOBAL_KINDS = ['prod', 'var', 'cat', 'plist'] as const
export const CELL_KINDS = ['cart', 'ord', 'pay', 'line', 'cus', 'stf', 'ses', 'adr', 'inv'] as const
export type GlobalKind = (typeof GLOBAL_KINDS)[number]
export type CellKind = (typeof CELL_KINDS)[number]

/** The form of a cell's name. */
export const CELL_NAME = '[a-z][a-z0-9-]{0,15}'
const UUID = '[0-9a-f]{32}'

export function newGlobalId(kind: GlobalKind): string {
  return `${kind}_${uuidv7obj().toHex()}`
}

export function newCellId(kind: CellKind, cell: string): string {
  return `${kind}_${cell}_${uuidv7obj().toHex()}`
}

export function globalIdPattern(kind: GlobalKind): RegExp {
  return new RegExp(`^${kind}_${UUID}$`)
}

export function cellIdPattern(kind: CellKind): RegExp {
  return new RegExp(`^${kind}_${CELL_NAME}_${UUID}$`)
}

const CELL_ID = new RegExp(`^(?:${CELL_KINDS.join('|')})_(${CELL_NAME})_${UUID}$`)

/** The cell that an id names, or `null` when it names none. */
export function cellOfId(id: string): string | null {
  return CELL_ID.exec(id)?.[1] ?? null
}
