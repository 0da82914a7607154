/** Vitest's global set-up: one Postgres for the run, with a migrated template that each test file clones. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../../scripts/support/embedded-postgres.ts'
import { migrateForCells } from './app-login.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

export const TEMPLATE = 'tradewind_template'

export default async function setup(project: TestProject) {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-test-'))
  // Started as root, Postgres runs as a user of its own, who must be able to reach its data.
  chmodSync(folder, 0o755)
  // What a crash of the machine would lose does not matter here; a crash of a process loses nothing all the same.
  const flags = ['-c', 'fsync=off', '-c', 'full_page_writes=off']
  const postgres = await startPostgres({ folder: join(folder, 'data'), flags })
  await postgres.createDatabase(TEMPLATE)
  await migrateForCells(postgres.urlOf(TEMPLATE))
  project.provide('postgresUrl', postgres.urlOf('postgres'))
  return async () => {
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
