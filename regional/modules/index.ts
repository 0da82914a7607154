/** The modules of a cell, each by its door. */
import type { Module } from '../platform/implement.ts'
import { carts } from './carts/index.ts'
import { catalog } from './catalog/index.ts'
import { customers } from './customers/index.ts'
import { identity } from './identity/index.ts'
import { inventory } from './inventory/index.ts'
import { orders } from './orders/index.ts'
import { payments } from './payments/index.ts'

export const modules: readonly Module[] = [
  catalog,
  inventory,
  carts,
  payments,
  orders,
  identity,
  customers,
]
