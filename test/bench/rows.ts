/** The rows of the table, each with the bar it must hold. */
import type { Contest, Plan } from './measure.ts'
import { cellOrder } from './rows/cell-order.ts'
import { cellRead } from './rows/cell-read.ts'
import { edgeHit } from './rows/edge-hit.ts'
import { handleOf, LOCALE, MARKET } from './shop.ts'
import type { Stage } from './stage.ts'

export interface RowSpec {
  readonly name: string
  /** The least that `ours` may be of `floor`. */
  readonly bar: number
  readonly about: string
  prepare(stage: Stage, plan: Plan): Promise<Contest>
}

const place = `locale=${LOCALE}&market=${MARKET}`
const PRODUCT = `/v1/products/${handleOf(7)}?${place}`
const PAGE_OF_20 = `/v1/products?category=lamps&limit=20&${place}`

export const rows: readonly RowSpec[] = [
  {
    name: 'edge-hit',
    bar: 0.7,
    about: 'a cached product through the whole edge, against a bare Worker, both in workerd',
    prepare: (stage, plan) => edgeHit(stage, plan, PRODUCT),
  },
  {
    name: 'cell-product',
    bar: 0.5,
    about: 'a signed product read, against a bare Node server with one prepared query',
    prepare: (stage, plan) => cellRead(stage, plan, { name: 'cell-product', path: PRODUCT }),
  },
  {
    name: 'cell-list',
    bar: 0.4,
    about: 'a signed page of 20 products, likewise',
    prepare: (stage, plan) => cellRead(stage, plan, { name: 'cell-list', path: PAGE_OF_20 }),
  },
  {
    name: 'cell-order',
    bar: 0.4,
    about: 'placing an order of 3 lines, against its statements from the driver in a loop',
    prepare: cellOrder,
  },
]
