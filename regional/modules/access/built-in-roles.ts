/** The roles that every cell has from the start, as a migration writes them. */
import type { Scope } from '../../../shared/principal.ts'

export interface BuiltInRole {
  readonly name: string
  readonly title: string
  readonly scopes: readonly Scope[] | 'every'
}

/** Whoever has it may do everything, and nobody else makes or unmakes one. */
export const OWNER = 'owner'

export const BUILT_IN_ROLES: readonly BuiltInRole[] = [
  { name: OWNER, title: 'Owner', scopes: 'every' },
  {
    name: 'manager',
    title: 'Manager',
    scopes: [
      'catalogue:read',
      'catalogue:write',
      'inventory:read',
      'inventory:write',
      'carts:read',
      'orders:read',
      'customers:read',
      'customers:write',
      'staff:read',
      'staff:write',
    ],
  },
  {
    name: 'catalogue',
    title: 'Catalogue',
    scopes: ['catalogue:read', 'catalogue:write', 'inventory:read'],
  },
  {
    name: 'stock',
    title: 'Stock',
    scopes: ['catalogue:read', 'inventory:read', 'inventory:write'],
  },
  {
    name: 'support',
    title: 'Customer support',
    scopes: [
      'catalogue:read',
      'inventory:read',
      'carts:read',
      'orders:read',
      'customers:read',
      'customers:write',
    ],
  },
  {
    name: 'auditor',
    title: 'Auditor',
    scopes: ['catalogue:read', 'inventory:read', 'orders:read', 'staff:read', 'audit:read'],
  },
]
