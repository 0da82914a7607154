/** When a price list applies, as its row holds it. */
import type { PriceList } from '../../../shared/contracts/price-lists.ts'
import { invalidField } from '../../../shared/problems.ts'

/** @throws {Problem} `request.invalid` when it would end before it starts. */
export function scheduled({ startsAt, endsAt }: Pick<PriceList, 'startsAt' | 'endsAt'>) {
  const schedule = { startsAt: dateOf(startsAt), endsAt: dateOf(endsAt) }
  if (schedule.startsAt !== null && schedule.endsAt !== null) {
    if (schedule.startsAt < schedule.endsAt) return schedule
    throw invalidField('body', '/endsAt', 'must be after startsAt')
  }
  return schedule
}

function dateOf(instant: string | null): Date | null {
  return instant === null ? null : new Date(instant)
}
