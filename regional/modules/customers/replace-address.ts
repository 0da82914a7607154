/** Replaces one of a customer's addresses. */
import type { SaveAddress, SavedAddress } from '../../../shared/contracts/customers.ts'
import { Problem } from '../../../shared/problems.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { addressesOf, lockOwnAddresses, saveAddress } from './addresses.ts'

/** @throws {Problem} `address.unknown`, the same whether there is none or it is another customer's. */
export async function replaceAddress(
  tx: Tx,
  actor: Actor,
  input: SaveAddress & { addressId: string },
): Promise<SavedAddress> {
  const { addressId: id, ...address } = input
  const customerId = await lockOwnAddresses(tx, actor)
  const held = await addressesOf(tx, customerId)
  if (!held.some((each) => each.id === id)) throw new Problem('address.unknown')
  const saved = { id, ...address }
  await saveAddress(tx, customerId, saved)
  return saved
}
