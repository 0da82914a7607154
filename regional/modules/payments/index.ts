/** The door of payments. */
import type { Module } from '../../platform/implement.ts'

export const payments: Module = { name: 'payments', routes: () => [], reactions: [], jobs: [] }
