/** What the parts of the demo's path have in common. */
import type { Client } from '../../shared/client/create-client.ts'
import type { Walk } from './walk.ts'

export interface Visit {
  walk: Walk
  baseUrl: string
  shopper: Client
  staff: Client
}

export const ADDRESS = {
  name: 'Ada Lovelace',
  line1: 'Hauptstraße 1',
  city: 'Berlin',
  postalCode: '10115',
  country: 'DE',
}
