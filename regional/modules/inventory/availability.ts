/** The state shoppers are shown for a number of units. */
import type { Availability } from '../../../shared/contracts/fields.ts'

/** At most so many units left are shown as few. */
export const LOW_STOCK_MAX = 5

export function availabilityFor(available: number): Availability {
  if (available <= 0) return 'out_of_stock'
  return available <= LOW_STOCK_MAX ? 'low' : 'in_stock'
}
