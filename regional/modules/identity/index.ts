/** Identity's door: accounts, and how somebody proves that one is theirs. */
import type { Module } from '../../platform/implement.ts'

export {
  activeStaffOf,
  createStaffAccount,
  isStaffAddress,
  type StaffAccount,
  setStaffStatus,
  staffAccountById,
  staffAccounts,
} from './staff-accounts.ts'

export const identity: Module = { name: 'identity', routes: () => [], reactions: [], jobs: [] }
