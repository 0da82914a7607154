/** Adds an address to a customer's. */
import {
  ADDRESSES_MAX,
  type SaveAddress,
  type SavedAddress,
} from '../../../shared/contracts/customers.ts'
import { newCellId } from '../../../shared/ids.ts'
import { Problem } from '../../../shared/problems.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { addressesOf, lockOwnAddresses, saveAddress } from './addresses.ts'

/** @throws {Problem} `address.too_many`. */
export async function createAddress(
  tx: Tx,
  actor: Actor,
  input: SaveAddress & { cell: string },
): Promise<SavedAddress> {
  const { cell, ...address } = input
  const customerId = await lockOwnAddresses(tx, actor)
  const held = await addressesOf(tx, customerId)
  if (held.length >= ADDRESSES_MAX) {
    const detail = `There are at most ${ADDRESSES_MAX} addresses.`
    throw new Problem('address.too_many', { detail })
  }
  const saved = { id: newCellId('adr', cell), ...address }
  await saveAddress(tx, customerId, saved)
  return saved
}
