/** The customers' door: their addresses, their groups, and all that is kept of them. */
import type { Module } from '../../platform/implement.ts'
import { routes } from './routes.ts'

export const customers: Module = { name: 'customers', routes, reactions: [], jobs: [] }
