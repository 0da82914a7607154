/** Where runs take place: a Postgres of their own with a shop in it that each run copies, and the bundled Worker. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrateForCells } from '../support/app-login.ts'
import { bundleEdge } from '../support/edge.ts'
import { knowTestTokens } from '../support/identity.ts'
import { fillShop } from './fill-shop.ts'
import { Postgres } from './postgres.ts'

const SHOP = 'shop'

export class Stage {
  readonly folder: string
  readonly postgres: Postgres
  #script: Promise<string> | null = null
  #copies = 0

  private constructor(folder: string, postgres: Postgres) {
    this.folder = folder
    this.postgres = postgres
  }

  static async open(): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-consistency-'))
    // Interrupted, Postgres is stopped by its own hook before the process exits.
    process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
    // Started as root, Postgres runs as a user of its own, who must be able to reach its data.
    chmodSync(folder, 0o755)
    const postgres = await Postgres.start(join(folder, 'data'))
    await postgres.query('postgres', `create database ${SHOP}`)
    await migrateForCells(postgres.urlOf(SHOP))
    await knowTestTokens(postgres.urlOf(SHOP))
    await fillShop(postgres.urlOf(SHOP))
    return new Stage(folder, postgres)
  }

  /** The Worker, bundled when the first run asks for it. */
  script(): Promise<string> {
    this.#script ??= bundleEdge()
    return this.#script
  }

  /** A new database with the shop as every run finds it. */
  async copyOfShop(): Promise<string> {
    this.#copies += 1
    const database = `run_${this.#copies}`
    await this.postgres.query('postgres', `create database ${database} template ${SHOP}`)
    return database
  }

  /** Frees the disk of a run that is over; whatever it left connected is ended. */
  async drop(database: string): Promise<void> {
    await this.postgres.query('postgres', `drop database ${database} with (force)`)
  }

  async close(): Promise<void> {
    await this.postgres.stop()
  }
}
