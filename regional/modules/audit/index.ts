/** The audit log's door: it is written by the platform, with every write, and read here. */
import type { Module } from '../../platform/implement.ts'
import { routes } from './routes.ts'

export const audit: Module = { name: 'audit', routes, reactions: [], jobs: [] }
