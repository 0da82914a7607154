/** The door of orders. */
import type { Module } from '../../platform/implement.ts'

export const orders: Module = { name: 'orders', routes: () => [], reactions: [], jobs: [] }
