/** A Postgres of a test's own, which it may stop, start again, and put back to an older state. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningPostgres, startPostgres } from '../../scripts/support/embedded-postgres.ts'
import { freePort } from '../../scripts/support/ports.ts'
import { migrateForCells } from './app-login.ts'

export interface OwnPostgres extends Pick<RunningPostgres, 'urlOf'> {
  /** @returns its URL. */
  migratedDatabase(name: string): Promise<string>
  stop(): Promise<void>
  start(): Promise<void>
  /** Copies its folder, or puts the copy in its place; it must be stopped meanwhile. */
  save(): void
  restore(): void
  /** Stops it for good, and takes its folder away. */
  close(): Promise<void>
}

/** @param settings such as `synchronous_commit=local`. */
export async function startOwnPostgres(settings: readonly string[] = []): Promise<OwnPostgres> {
  const parent = mkdtempSync(join(tmpdir(), 'tradewind-postgres-'))
  // Started as root, Postgres runs as a user of its own, who must be able to reach its data.
  chmodSync(parent, 0o755)
  const folder = join(parent, 'data')
  const saved = join(parent, 'saved')
  const flags = ['fsync=off', ...settings].flatMap((setting) => ['-c', setting])
  const options = { folder, port: await freePort(), flags }
  let running = await startPostgres(options)
  return {
    urlOf: running.urlOf,
    migratedDatabase: async (name) => {
      await running.createDatabase(name)
      await migrateForCells(running.urlOf(name))
      return running.urlOf(name)
    },
    stop: () => running.stop(),
    start: async () => {
      running = await startPostgres(options)
    },
    // Owners and modes too, which Postgres insists on.
    save: () => execFileSync('cp', ['-a', folder, saved]),
    restore: () => {
      rmSync(folder, { recursive: true })
      execFileSync('mv', [saved, folder])
    },
    close: async () => {
      await running.stop()
      rmSync(parent, { recursive: true, force: true })
    },
  }
}
