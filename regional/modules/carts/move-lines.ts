/** Moves the lines of one cart into another, without losing one. */
import { sql } from 'drizzle-orm'
import { LINE_QUANTITY_MAX } from '../../../shared/contracts/carts.ts'
import type { Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'

interface Values extends Record<string, unknown> {
  from: string
  to: string
  customerId: string
  quantityMax: number
}

const move = statement<Values, unknown>(
  'cart_move_lines',
  sql`
  with taken as (
    update cart own set version = own.version + 1, updated_at = now(),
      market = case when filled.already then own.market else other.market end,
      locale = case when filled.already then own.locale else other.locale end,
      channel = case when filled.already then own.channel else other.channel end
    from cart other,
      (select exists (select from cart_line where cart_id = ${value('to')}) as already) filled
    where own.id = ${value('to')} and other.id = ${value('from')}
  ),
  emptied as (
    update cart set status = 'merged', customer_id = ${value('customerId')},
      version = version + 1, updated_at = now()
    where id = ${value('from')}
  ),
  moved as (
    delete from cart_line where cart_id = ${value('from')} returning sku, quantity, added_at
  )
  insert into cart_line (cart_id, sku, quantity, added_at)
  select ${value('to')}, moved.sku, moved.quantity, moved.added_at from moved
  on conflict (cart_id, sku) do update
    set quantity = least(cart_line.quantity + excluded.quantity, ${value('quantityMax')}::int)`,
)

/**
 * Moves the lines of one cart into another of its customer's and ends the first as `merged`. The caller has locked both.
 *
 * Of an item that both hold the units are summed, up to the most that a line may have: the one thing that can be lost. A
 * cart that holds lines keeps its market, locale and channel, and a line that is not sold there stays in it as unavailable; an
 * empty one takes on those of the other.
 */
export async function moveLines(
  tx: Tx,
  carts: { from: string; to: string; customerId: string },
): Promise<void> {
  await tx.run(move, { ...carts, quantityMax: LINE_QUANTITY_MAX })
}
