/**
 * A cart's secret: the proof of holding it. It is derived from the cell's key and the cart's id, so that a repeated
 * creation can show it again without anybody having kept it; the cart keeps a hash to compare with.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { digestOf } from '../../platform/digest.ts'

/** @param cartKey the cell's `CART_KEY`, in base64url. */
export function secretOf(cartKey: string, cartId: string): string {
  return createHmac('sha256', Buffer.from(cartKey, 'base64url')).update(cartId).digest('base64url')
}

/** Compares in constant time. */
export function isSecretOf(secret: string, hash: string): boolean {
  const presented = Buffer.from(digestOf(secret))
  const expected = Buffer.from(hash)
  return presented.length === expected.length && timingSafeEqual(presented, expected)
}
