/** The facts inventory publishes. */
import type { Availability } from '../../../shared/contracts/fields.ts'
import type { DomainEvent } from '../../platform/database.ts'

/** What shoppers are shown changed. Published only on a change of state, so a busy SKU is quiet. */
export function availabilityChanged(sku: string, availability: Availability): DomainEvent {
  return {
    type: 'inventory.availability_changed',
    subject: sku,
    payload: { sku, availability },
  }
}
