/**
 * Seals the audit log: takes rows that have no seal yet and continues the chain with them.
 *
 * Not in the transaction of the write, which would queue all writers on the chain's end. The keys of `audit_seal` decide
 * between two that seal at once: the batch of one is refused whole.
 */
import { sql } from 'drizzle-orm'
import {
  type AuditHead,
  type ChainedRow,
  chainedColumns,
  formatHead,
  GENESIS,
  sealableFrom,
  sealHash,
} from './audit-chain.ts'
import { codeOf, type Runner } from './database.ts'
import type { Services } from './implement.ts'
import { statement, value } from './statement.ts'

export const SEAL_EVERY_SECONDS = 5
export const SEAL_BATCH_MAX = 500
/** Of one run: the next goes on. */
const BATCHES_MAX = 40

interface ChainEnd {
  n: number
  hash: string
  /** The time of the oldest row that may still be sealed. */
  from: string
}

const selectEnd = statement<Record<string, never>, ChainEnd>(
  'audit_chain_end',
  sql`
  select coalesce(head.n, 0) as n, coalesce(head.hash, ${sql.raw(`'${GENESIS}'`)}) as hash,
    ${sealableFrom}::text as "from"
  from (select 1) one
    left join (select n, hash from audit_seal order by n desc limit 1) head on true`,
)

/** Told the time, Postgres knows how few rows there are since, and takes them from the index in their order. */
export const selectUnsealed = statement<{ from: string; limit: number }, ChainedRow>(
  'audit_unsealed',
  sql`
  select ${chainedColumns} from audit entry
  where entry.at >= ${value('from')}::timestamptz
    and not exists (select from audit_seal seal where seal.audit_id = entry.id)
  order by entry.at, entry.id limit ${value('limit')}::int`,
)

const insertSeals = statement<{ seals: string }, unknown>(
  'audit_seal',
  sql`
  insert into audit_seal (n, audit_id, hash)
  select n, "auditId", hash
  from jsonb_to_recordset(${value('seals')}::jsonb) as seal(n bigint, "auditId" uuid, hash text)`,
)

/** Seals what there is, in batches; the head is logged, as an anchor outside the database. */
export async function sealAudit({ db, log }: Pick<Services, 'db' | 'log'>): Promise<void> {
  let head: AuditHead | null = null
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const sealed = await sealBatch(db)
    head = sealed.head ?? head
    if (!sealed.full) break
  }
  if (head !== null) log.info({ head: formatHead(head) }, 'the audit log is sealed')
}

interface SealedBatch {
  /** `null` when nothing was sealed. */
  head: AuditHead | null
  /** True when there may be more. */
  full: boolean
}

const UNIQUE_VIOLATION = '23505'

/** Seals at most `SEAL_BATCH_MAX` rows, or none when another sealed at the same time. */
export async function sealBatch(runner: Runner): Promise<SealedBatch> {
  const [end] = await runner.run(selectEnd, {})
  const { from, ...newest } = end!
  const rows = await runner.run(selectUnsealed, { from, limit: SEAL_BATCH_MAX })
  if (rows.length === 0) return { head: null, full: false }
  let head: AuditHead = newest
  const seals = rows.map((row) => {
    const n = head.n + 1
    head = { n, hash: sealHash(head.hash, n, row) }
    return { ...head, auditId: row.id }
  })
  try {
    await runner.run(insertSeals, { seals: JSON.stringify(seals) })
  } catch (error) {
    if (codeOf(error) !== UNIQUE_VIOLATION) throw error
    return { head: null, full: false }
  }
  return { head, full: rows.length === SEAL_BATCH_MAX }
}
