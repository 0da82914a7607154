/** The orders' door: what was agreed, paid once. */
import type { Module, Services } from '../../platform/implement.ts'
import { type PaymentProvider, TestProvider } from '../payments/index.ts'
import { reconcilePayments } from './reconcile-payments.ts'
import { routesWith } from './routes.ts'

export { claimOrders } from './claim-orders.ts'
export { eraseOrders, ordersOf } from './personal-data.ts'

/** The module with the provider of one's choice. */
export function ordersWith(providerOf: (services: Services) => PaymentProvider): Module {
  return {
    name: 'orders',
    routes: routesWith(providerOf),
    reactions: [],
    jobs: [reconcilePayments(providerOf)],
  }
}

export const orders: Module = ordersWith((services) => new TestProvider(services))
