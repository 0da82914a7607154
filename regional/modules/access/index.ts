/** Access's door: roles, and what they come to for whoever has them. */
import type { Module } from '../../platform/implement.ts'

export { OWNER } from './built-in-roles.ts'
export {
  covers,
  distinctGrants,
  type Grant,
  grantKey,
  type HeldGrant,
  isOwnerIn,
} from './grants.ts'
export {
  changeGrants,
  type GrantChange,
  grantsOf,
  heldGrants,
  holdersOf,
  lockGrants,
  ownersOf,
  removeRole,
  roles,
  type StoredRole,
  saveRole,
} from './queries.ts'

export const access: Module = { name: 'access', routes: () => [], reactions: [], jobs: [] }
