/** The payments' door: the port to a provider, and the row that remembers what it was asked. */
import type { Module } from '../../platform/implement.ts'

export {
  claimDuePayments,
  forgetPayers,
  type PendingPayment,
  recordPayment,
  settlePayment,
} from './intent.ts'
export {
  type Charge,
  type PaymentOutcome,
  type PaymentProvider,
  withinTime,
} from './provider.ts'
export { TestProvider } from './test-provider.ts'

export const payments: Module = { name: 'payments', routes: () => [], reactions: [], jobs: [] }
