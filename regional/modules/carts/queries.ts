/** Reads of carts, with and without their lock, and the check of who holds one. */
import { type SQL, sql } from 'drizzle-orm'
import type { z } from 'zod'
import type { CartStatus } from '../../../shared/contracts/carts.ts'
import { Problem } from '../../../shared/problems.ts'
import { asCustomer, hasScope } from '../../platform/access.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { isSecretOf } from './secret.ts'

export interface StoredLine {
  sku: string
  quantity: number
}

export interface StoredCart {
  id: string
  secretHash: string
  /** Whose it is; null for a guest's. */
  customerId: string | null
  status: z.infer<typeof CartStatus>
  market: string
  locale: string
  channel: string
  /** In the order they were added. */
  lines: StoredLine[]
}

const lines = sql`coalesce((
    select json_agg(json_build_object('sku', line.sku, 'quantity', line.quantity)
      order by line.added_at, line.sku)
    from cart_line line where line.cart_id = cart.id), '[]'::json) as lines`

const columns = sql`cart.id, cart.secret_hash as "secretHash", cart.customer_id as "customerId",
  cart.status, cart.market, cart.locale, cart.channel`

const cartsWhere = (condition: SQL) => sql`select ${columns}, ${lines} from cart where ${condition}`

const selectCart = statement<{ id: string }, StoredCart>(
  'cart_by_id',
  cartsWhere(sql`cart.id = ${value('id')}`),
)

export const selectOpenCartOf = statement<{ customerId: string }, StoredCart>(
  'cart_open_of_customer',
  cartsWhere(sql`cart.customer_id = ${value('customerId')} and cart.status = 'open'`),
)

export const selectCartsOf = statement<{ customerId: string; limit: number }, StoredCart>(
  'carts_of_customer',
  sql`${cartsWhere(sql`cart.customer_id = ${value('customerId')}`)}
    order by cart.id limit ${value('limit')}::int`,
)

/**
 * Whoever had to wait for the lock gets the cart as it is now, but its lines as they were when the statement began:
 * `isCurrent` is false then, and the lines must be read again.
 */
const selectLocked = statement<{ id: string }, StoredCart & { isCurrent: boolean }>(
  'cart_lock',
  sql`
  with locked as (
    select id, status, version from cart where id = ${value('id')} for update
  )
  select ${columns}, ${lines}, locked.version = cart.version as "isCurrent"
  from locked join cart on cart.id = locked.id`,
)

/**
 * The cart, for its holder, or for staff that may read carts of its channel.
 *
 * @throws {Problem} `cart.unknown`, the same whether there is no such cart or the caller does not hold it.
 */
export async function visibleCart(runner: Runner, actor: Actor, id: string): Promise<StoredCart> {
  const [cart] = await runner.run(selectCart, { id })
  if (cart !== undefined && hasScope(actor, 'carts:read', cart.channel)) return cart
  return held(actor, cart)
}

/** @throws {Problem} `cart.unknown` when the customer has no open cart. */
export async function openCartOf(runner: Runner, actor: Actor): Promise<StoredCart> {
  const { id: customerId } = asCustomer(actor)
  const [cart] = await runner.run(selectOpenCartOf, { customerId })
  if (cart === undefined) throw new Problem('cart.unknown')
  return cart
}

/** @throws {Problem} `cart.unknown` unless the actor holds the cart. */
export async function heldCart(runner: Runner, actor: Actor, id: string): Promise<StoredCart> {
  const [cart] = await runner.run(selectCart, { id })
  return held(actor, cart)
}

/**
 * Locks an open cart for its holder. It is the first lock that a change of a cart or an order takes: stock comes after.
 *
 * @throws {Problem} `cart.unknown` unless the actor holds it, `cart.closed` when it can no longer be changed.
 */
export async function lockOpenCart(tx: Tx, actor: Actor, id: string): Promise<StoredCart> {
  const [locked] = await tx.run(selectLocked, { id })
  const stale = locked !== undefined && !locked.isCurrent
  const cart = held(actor, stale ? (await tx.run(selectCart, { id }))[0] : locked)
  if (cart.status !== 'open') throw new Problem('cart.closed')
  return cart
}

function held(actor: Actor, cart: StoredCart | undefined): StoredCart {
  if (cart === undefined || !isHolder(actor, cart)) throw new Problem('cart.unknown')
  return cart
}

/** A customer's cart is held by their token alone: whoever else knows its secret knew it as a guest's. */
function isHolder({ principal, cartSecret }: Actor, { customerId, secretHash }: StoredCart) {
  if (customerId !== null) return principal.kind === 'customer' && principal.id === customerId
  return cartSecret !== null && isSecretOf(cartSecret, secretHash)
}
