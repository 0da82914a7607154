/** The orders' endpoints. */
import { contracts } from '../../../shared/contracts/index.ts'
import { implement, type Services } from '../../platform/implement.ts'
import type { PaymentProvider } from '../payments/index.ts'
import { placeOrder } from './place-order.ts'
import { ownOrderPage, visibleOrder } from './queries.ts'

export const routesWith = (providerOf: (services: Services) => PaymentProvider) =>
  implement(contracts.orders, (services) => {
    const provider = providerOf(services)
    return {
      placeOrder: ({ db, actor, idempotency, params, body }) =>
        placeOrder({ services, db, provider, idempotency }, actor, {
          cartId: params.cartId,
          ...body,
        }),
      listMyOrders: ({ db, actor, query }) => ownOrderPage(db, actor, query),
      getOrder: ({ db, actor, params }) => visibleOrder(db, actor, params.orderId),
    }
  })
