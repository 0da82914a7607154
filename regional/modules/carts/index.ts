/** The door of carts. */
import type { Module } from '../../platform/implement.ts'

export const carts: Module = { name: 'carts', routes: () => [], reactions: [], jobs: [] }
