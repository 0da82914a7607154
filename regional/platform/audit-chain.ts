/**
 * The chain over the audit log. Seal `n` holds the hash of the seal before it and of one row, so whoever knows a seal's
 * hash can tell whether anything up to it was changed, removed or reordered since.
 *
 *     hash(n) = SHA-256( hash(n - 1) || JSON of [n, id, actor, action, subject, request, at, contract, detail] )
 */
import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'

/** What stands before the first seal. */
export const GENESIS = '0'.repeat(64)

/** A row as it is hashed: every column as Postgres writes it, the time to the microsecond in UTC. */
export interface ChainedRow {
  id: string
  actor: string
  action: string
  subject: string
  requestId: string
  at: string
  contract: string | null
  detail: string | null
}

/** Columns of `ChainedRow`, `from audit entry`. */
export const chainedColumns = sql`entry.id, entry.actor, entry.action, entry.subject,
  entry.request_id as "requestId", entry.contract, entry.detail::text as detail,
  to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`

/** The newest seal: whoever keeps it outside the database can prove later that nothing before it is missing. */
export interface AuditHead {
  n: number
  hash: string
}

export function formatHead({ n, hash }: AuditHead): string {
  return `${n}:${hash}`
}

/** @returns `null` for what is no head. */
export function parseHead(text: string): AuditHead | null {
  const [, n, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? []
  return n === undefined || hash === undefined ? null : { n: Number(n), hash }
}

/** @param before the hash of seal `n - 1`. */
export function sealHash(before: string, n: number, row: ChainedRow): string {
  const { id, actor, action, subject, requestId, at, contract, detail } = row
  const bytes = JSON.stringify([n, id, actor, action, subject, requestId, at, contract, detail])
  return createHash('sha256').update(before, 'hex').update(bytes).digest('hex')
}

/**
 * How late a row may appear: its time is its transaction's start, and no transaction of a cell lasts nearly so long. A row
 * that appears later was put there by somebody else; it is never sealed, and is found.
 */
const LATE_MINUTES_MAX = 15

/** The time of the oldest row that may still be sealed. */
export const sealableFrom = sql`coalesce((
    select least(newest.at, now()) - make_interval(mins => ${sql.raw(String(LATE_MINUTES_MAX))})
    from audit_seal head join audit newest on newest.id = head.audit_id
    order by head.n desc limit 1
  ), '-infinity')`
