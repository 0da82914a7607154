/**
 * Who may write the catalogue beside whom. A product is rendered from rows of others (category
 * names, markets, price lists), so whoever changes those must be alone, and so must an import, whose checks of
 * handles and SKUs have to hold until it has written. Everyone else shares. Readers are never kept
 * waiting.
 *
 * It is the first lock of a transaction; product rows come next, and the clock last.
 */
import { sql } from 'drizzle-orm'
import type { Tx } from '../../platform/database.ts'
import { statement } from '../../platform/statement.ts'

/** Any number that no other advisory lock of this database uses. */
const CATALOGUE_LOCK = sql.raw('730101')

const share = statement<Record<string, never>, unknown>(
  'catalogue_share',
  sql`select pg_advisory_xact_lock_shared(${CATALOGUE_LOCK})`,
)

const hold = statement<Record<string, never>, unknown>(
  'catalogue_hold',
  sql`select pg_advisory_xact_lock(${CATALOGUE_LOCK})`,
)

/** Until the commit, among others who change one product each and lock its row. */
export async function shareCatalogue(tx: Tx): Promise<void> {
  await tx.run(share, {})
}

/** Until the commit, alone. */
export async function holdCatalogue(tx: Tx): Promise<void> {
  await tx.run(hold, {})
}
