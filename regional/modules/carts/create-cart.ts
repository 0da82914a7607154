/** Opens a cart. */
import { sql } from 'drizzle-orm'
import { type Cart, type CreateCart, DEFAULT_CHANNEL } from '../../../shared/contracts/carts.ts'
import type { Market } from '../../../shared/contracts/catalog.ts'
import { newCellId } from '../../../shared/ids.ts'
import { type Customer, groupOf } from '../../../shared/principal.ts'
import { invalidField } from '../../../shared/problems.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import { digestOf } from '../../platform/digest.ts'
import type { Actor } from '../../platform/implement.ts'
import { holdSession } from '../../platform/sessions.ts'
import { statement, value } from '../../platform/statement.ts'
import { marketFor } from '../catalog/index.ts'
import { addLines } from './add-lines.ts'
import { holdCartsOf } from './customer-lock.ts'
import { assertPayable, assertSellable } from './limits.ts'
import { lockBoth } from './merge-cart.ts'
import { cartDocument, priceCart } from './priced-cart.ts'
import { lockOpenCart } from './queries.ts'
import { secretOf } from './secret.ts'

interface Values extends Record<string, unknown> {
  id: string
  secretHash: string
  customerId: string | null
  market: string
  locale: string
  channel: string
  skus: string[]
  quantities: number[]
}

const insert = statement<Values, unknown>(
  'cart_create',
  sql`
  with created as (
    insert into cart (id, secret_hash, customer_id, market, locale, channel)
    values (${value('id')}, ${value('secretHash')}, ${value('customerId')}, ${value('market')},
      ${value('locale')}, ${value('channel')})
    returning id
  )
  insert into cart_line (cart_id, sku, quantity)
  select created.id, line.sku, line.quantity
  from created, unnest(${value('skus')}::text[], ${value('quantities')}::int[])
    as line(sku, quantity)`,
)

interface Origin {
  cell: string
  cartKey: string
  /** What the edge decided from country and language; the request's own fields go before. */
  market: string | null
  locale: string | null
}

/** Where a cart sells: what a new one is opened with, and an empty one can take on. */
interface Place extends Record<string, unknown> {
  market: string
  locale: string
  channel: string
}

/**
 * Opens a cart in a market. Its secret is `secretOf` its id, and no part of what is returned or stored.
 *
 * A customer has one open cart at most. Where they have it already, the lines are added to it, all or none; it keeps its
 * market, language and channel, unless it is empty.
 *
 * @throws {Problem} `market.unknown`, `locale.unknown`, `variant.unknown`, `cart.quantity_exceeded` or
 *   `cart.too_many_lines`.
 */
export async function createCart(
  tx: Tx,
  actor: Actor,
  origin: Origin,
  input: CreateCart,
): Promise<Cart> {
  const { principal } = actor
  const place = await placeOf(tx, origin, input)
  const opened = principal.kind === 'customer' ? await openCartOf(tx, principal) : null
  if (opened !== null) {
    const { lines } = await lockOpenCart(tx, actor, opened)
    if (lines.length === 0) await tx.run(settleIn, { ...place, cartId: opened })
    return await addLines(tx, actor, { cartId: opened, lines: input.lines })
  }
  const id = newCellId('cart', origin.cell)
  const cart = { id, status: 'open' as const, ...place, lines: input.lines }
  const priced = await priceCart(tx, cart, groupOf(principal))
  assertSellable(input.lines, priced, '/lines')
  assertPayable(priced)
  await tx.run(insert, {
    ...place,
    id,
    secretHash: digestOf(secretOf(origin.cartKey, id)),
    customerId: principal.kind === 'customer' ? principal.id : null,
    skus: cart.lines.map((line) => line.sku),
    quantities: cart.lines.map((line) => line.quantity),
  })
  return cartDocument(cart, priced)
}

const settleIn = statement<Place & { cartId: string }, unknown>(
  'cart_settle_in',
  sql`update cart set market = ${value('market')}, locale = ${value('locale')},
    channel = ${value('channel')}, version = version + 1, updated_at = now()
    where id = ${value('cartId')}`,
)

/** The id of the cart that is open, locked; while this transaction runs, nobody else opens one for the customer. */
async function openCartOf(tx: Tx, { id, session }: Customer): Promise<string | null> {
  await holdSession(tx, session)
  await holdCartsOf(tx, id)
  const [open] = await tx.run(lockBoth, { customerId: id, cartId: '' })
  return open?.id ?? null
}

async function placeOf(runner: Runner, origin: Origin, input: CreateCart): Promise<Place> {
  const market = await marketOf(runner, origin, input)
  const locale = localeOf(market, origin, input)
  return { market: market.id, locale, channel: input.channel ?? DEFAULT_CHANNEL }
}

async function marketOf(runner: Runner, origin: Origin, input: CreateCart): Promise<Market> {
  if (input.market !== undefined) {
    const named = await marketFor(runner, input.market)
    if (named !== null) return named
    throw invalidField('body', '/market', 'is not a market', 'market.unknown')
  }
  const market = (await marketFor(runner, origin.market)) ?? (await marketFor(runner, null))
  if (market !== null) return market
  throw invalidField('body', '/market', 'there is no default market', 'market.unknown')
}

function localeOf(market: Market, origin: Origin, input: CreateCart): string {
  if (input.locale === undefined) {
    // The edge chose the locale for the market that it chose; in another it says nothing of what the shopper reads.
    const preferred = market.id === origin.market ? origin.locale : null
    return preferred !== null && market.locales.includes(preferred) ? preferred : market.locales[0]!
  }
  if (market.locales.includes(input.locale)) return input.locale
  throw invalidField('body', '/locale', 'is not spoken in this market', 'locale.unknown')
}
