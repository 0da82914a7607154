/** Identity's door: accounts, and how somebody proves that one is theirs. */
import type { Module } from '../../platform/implement.ts'
import { pruneRefreshTokens, pruneVerifications } from './jobs.ts'
import { reactions } from './reactions.ts'
import { routes } from './routes.ts'

export { type Account, accountById } from './accounts.ts'
export {
  customerById,
  customerPage,
  eraseAccount,
  isAnyoneInGroup,
  lockCustomer,
  setGroupOf,
  setStatusOf,
} from './customer-accounts.ts'
export { assertOwnPassword } from './own-password.ts'
export {
  activeStaffOf,
  createStaffAccount,
  isStaffAddress,
  type StaffAccount,
  setStaffStatus,
  staffAccountById,
  staffAccounts,
} from './staff-accounts.ts'

export const identity: Module = {
  name: 'identity',
  routes,
  reactions,
  jobs: [pruneVerifications, pruneRefreshTokens],
}
