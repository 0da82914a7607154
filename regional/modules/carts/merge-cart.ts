/** Takes a guest's cart in at sign-in. */
import { sql } from 'drizzle-orm'
import { CART_LINES_MAX } from '../../../shared/contracts/carts.ts'
import type { Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import { holdCartsOf } from './customer-lock.ts'
import { moveLines } from './move-lines.ts'
import { isSecretOf } from './secret.ts'
import type { CartStatus } from './states.ts'

interface LockedCart {
  id: string
  secretHash: string
  customerId: string | null
  status: CartStatus
  lines: number
}

/** One cart and its customer's open one. Rows are locked by id, so that two mergers cannot deadlock. */
export const lockBoth = statement<{ customerId: string; cartId: string }, LockedCart>(
  'cart_lock_both',
  sql`
  select cart.id, cart.secret_hash as "secretHash", cart.customer_id as "customerId", cart.status,
    (select count(*) from cart_line where cart_id = cart.id)::int as lines
  from cart
  where cart.id = ${value('cartId')}
    or (cart.customer_id = ${value('customerId')} and cart.status = 'open')
  order by cart.id for update`,
)

const adopt = statement<{ customerId: string; cartId: string }, unknown>(
  'cart_adopt',
  sql`update cart set customer_id = ${value('customerId')}, version = version + 1,
    updated_at = now() where id = ${value('cartId')}`,
)

/**
 * Puts a guest's lines into the customer's open cart, or makes the guest's cart theirs where they have none.
 *
 * A cart that cannot be taken in is left as it is, and nothing is said of it, because nobody may be kept from signing in by a
 * cart: one that is not known, not held by this secret, somebody's already, or being paid for, which its secret opens again if
 * it is not paid. The limit of lines does not hold for merging, which may drop none; so that it still ends somewhere, a cart
 * that is past it takes no other in, and the guest's stays the guest's.
 *
 * @returns the customer's open cart after that, if they have one.
 */
export async function mergeCart(
  tx: Tx,
  input: { customerId: string; cart: { id: string; secret: string } | null },
): Promise<{ cartId: string | null }> {
  const { customerId, cart } = input
  await holdCartsOf(tx, customerId)
  const locked = await tx.run(lockBoth, { customerId, cartId: cart?.id ?? '' })
  const own = locked.find((each) => each.customerId === customerId && each.status === 'open')
  const guest = locked.find((each) => cart !== null && isGuestCart(each, cart))
  if (guest === undefined) return { cartId: own?.id ?? null }
  if (own === undefined) {
    await tx.run(adopt, { customerId, cartId: guest.id })
    return { cartId: guest.id }
  }
  if (own.lines <= CART_LINES_MAX) {
    await moveLines(tx, { from: guest.id, to: own.id, customerId })
  }
  return { cartId: own.id }
}

function isGuestCart(
  { id, customerId, status, secretHash }: LockedCart,
  cart: { id: string; secret: string },
): boolean {
  const isOpen = id === cart.id && customerId === null && status === 'open'
  return isOpen && isSecretOf(cart.secret, secretHash)
}
