/** Opens a cart. */
import { sql } from 'drizzle-orm'
import type { Cart, CreateCart } from '../../../shared/contracts/carts.ts'
import type { Market } from '../../../shared/contracts/catalog.ts'
import { newCellId } from '../../../shared/ids.ts'
import { invalidField } from '../../../shared/problems.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import { marketFor } from '../catalog/index.ts'
import { assertPayable, assertSellable } from './limits.ts'
import { cartDocument, priceCart } from './priced-cart.ts'
import { hashOf, secretOf } from './secret.ts'

interface Values extends Record<string, unknown> {
  id: string
  secretHash: string
  market: string
  locale: string
  skus: string[]
  quantities: number[]
}

const insert = statement<Values, unknown>(
  'cart_create',
  sql`
  with created as (
    insert into cart (id, secret_hash, market, locale)
    values (${value('id')}, ${value('secretHash')}, ${value('market')}, ${value('locale')})
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
  /** The customer group whose prices the first answer shows. */
  group: string | null
}

/**
 * Opens a cart in a market. Its secret is `secretOf` its id, and no part of what is returned or stored.
 *
 * @throws {Problem} `market.unknown`, `locale.unknown`, `variant.unknown` or `cart.quantity_exceeded`.
 */
export async function createCart(tx: Tx, origin: Origin, input: CreateCart): Promise<Cart> {
  const market = await marketOf(tx, origin, input)
  const locale = localeOf(market, origin, input)
  const cart = {
    id: newCellId('cart', origin.cell),
    status: 'open' as const,
    market: market.id,
    locale,
    lines: input.lines,
  }
  const priced = await priceCart(tx, cart, origin.group)
  assertSellable(input.lines, priced, '/lines')
  assertPayable(priced)
  await tx.run(insert, {
    id: cart.id,
    secretHash: hashOf(secretOf(origin.cartKey, cart.id)),
    market: cart.market,
    locale,
    skus: cart.lines.map((line) => line.sku),
    quantities: cart.lines.map((line) => line.quantity),
  })
  return cartDocument(cart, priced)
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
