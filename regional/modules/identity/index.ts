/** The identity's door: accounts, and what proves that one is somebody's. */
import type { Module } from '../../platform/implement.ts'

export { accountByOwnPassword } from './credentials.ts'
export {
  customerById,
  customerPage,
  eraseAccount,
  isAnyoneInGroup,
  lockCustomer,
  setGroupOf,
  setStatusOf,
} from './customer-accounts.ts'

export const identity: Module = { name: 'identity', routes: () => [], reactions: [], jobs: [] }
