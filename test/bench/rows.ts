/** The rows of the table, each with the bar it must hold. */
import type { Contest, Plan } from './measure.ts'
import { cellOrder } from './rows/cell-order.ts'
import { cellRead } from './rows/cell-read.ts'
import { coloHit } from './rows/colo-hit.ts'
import { edgeHit, edgeHitToken } from './rows/edge-hit.ts'
import { shieldHit } from './rows/shield-hit.ts'
import { tokenNew } from './rows/token-new.ts'
import { tokenSeen } from './rows/token-seen.ts'
import { CATEGORIES, handleOf, LOCALE, MARKET, PRODUCTS } from './shop.ts'
import type { Stage } from './stage.ts'

export interface RowSpec {
  readonly name: string
  /** The least that `ours` may be of `floor`. */
  readonly bar: number
  /** The most that the p99 of `ours` may be of the floor's, where that is held to anything. */
  readonly p99Bar?: number
  readonly about: string
  prepare(stage: Stage, plan: Plan): Promise<Contest>
}

const place = `locale=${LOCALE}&market=${MARKET}`
const productOf = (product: number) => `/v1/products/${handleOf(product)}?${place}`
const PRODUCT = productOf(7)
const ALL_PRODUCTS = Array.from({ length: PRODUCTS }, (_, product) => productOf(product))
const PLACES = [place, 'locale=en&market=de', 'locale=en&market=gb']
/** More pages than one connection each: those of one path under way at the same time would share one query. */
const PAGES_OF_20 = [20, 19, 21, 18, 22].flatMap((limit) =>
  CATEGORIES.flatMap((category) =>
    PLACES.map((each) => `/v1/products?category=${category}&limit=${limit}&${each}`),
  ),
)

export const rows: readonly RowSpec[] = [
  {
    name: 'edge-hit',
    bar: 0.85,
    p99Bar: 1.3,
    about: 'a product in memory through the whole edge, against a bare Worker, both in workerd',
    prepare: (stage, plan) => edgeHit(stage, plan, { name: 'edge-hit', path: PRODUCT }),
  },
  {
    name: 'edge-hit-token',
    bar: 0.75,
    about: "the same with a customer's token",
    prepare: (stage, plan) => edgeHitToken(stage, plan, { name: 'edge-hit-token', path: PRODUCT }),
  },
  {
    name: 'token-new',
    bar: 0.9,
    about: "tokens never seen, as the edge verifies them, against jose's jwtVerify alone",
    prepare: tokenNew,
  },
  {
    name: 'token-seen',
    bar: 0.9,
    about:
      'a product in memory with tokens seen before, against the same edge without verification',
    prepare: (stage, plan) => tokenSeen(stage, plan, PRODUCT),
  },
  {
    name: 'colo-hit',
    bar: 0.85,
    about: 'a product in the Cache API through the whole edge, against a bare cache.match',
    prepare: (stage, plan) => coloHit(stage, plan, PRODUCT),
  },
  {
    name: 'shield-hit',
    bar: 0.5,
    about: "a signed product read from the cell's memory, against a bare Node server",
    prepare: (stage, plan) => shieldHit(stage, plan, PRODUCT),
  },
  {
    name: 'cell-product',
    bar: 0.7,
    about:
      'a signed product read past the shield, against a bare Node server with one prepared query',
    prepare: (stage, plan) => cellRead(stage, plan, { name: 'cell-product', paths: ALL_PRODUCTS }),
  },
  {
    name: 'cell-list',
    bar: 0.4,
    about: 'signed pages of about 20 products, likewise',
    prepare: (stage, plan) => cellRead(stage, plan, { name: 'cell-list', paths: PAGES_OF_20 }),
  },
  {
    name: 'cell-order',
    bar: 0.4,
    about: 'placing an order of 3 lines, against its statements from the driver in a loop',
    prepare: cellOrder,
  },
]
