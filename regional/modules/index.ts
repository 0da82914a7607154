/** The modules of a cell, each by its door. */
import type { Module } from '../platform/implement.ts'
import { access } from './access/index.ts'
import { audit } from './audit/index.ts'
import { carts } from './carts/index.ts'
import { catalog } from './catalog/index.ts'
import { customers } from './customers/index.ts'
import { identity } from './identity/index.ts'
import { inventory } from './inventory/index.ts'
import { notifications } from './notifications/index.ts'
import { orders } from './orders/index.ts'
import { payments } from './payments/index.ts'
import { staff } from './staff/index.ts'

export const modules: readonly Module[] = [
  catalog,
  inventory,
  carts,
  payments,
  orders,
  access,
  identity,
  staff,
  customers,
  notifications,
  audit,
]
