/** What tests ask of the audit log, as its owner. */
import { pino } from 'pino'
import { type AuditVerdict, verifyAudit } from '../../regional/platform/audit-verify.ts'
import type { Services } from '../../regional/platform/implement.ts'
import { queryRows } from './database.ts'

export interface AuditRow {
  id: string
  actor: string
  action: string
  subject: string
  requestId: string
  contract: string | null
  detail: unknown
}

/** All rows, oldest first. */
export async function auditRows(url: string): Promise<AuditRow[]> {
  return await queryRows<AuditRow & Record<string, unknown>>(
    url,
    `select id, actor, action, subject, request_id as "requestId", contract, detail
     from audit order by at, id`,
  )
}

/** Writes rows as verbs do, each in a transaction of its own. */
export async function writeAudits({ db }: Services, subjects: readonly string[]): Promise<void> {
  for (const subject of subjects) {
    const entry = { actor: 'stf_1', action: 'pot.brewed', subject, requestId: 'r' }
    await db.inTransaction(async (tx) => tx.audit(entry))
  }
}

/** The verdict in short: how many rows have a seal, how many have none, and each fault. */
export async function verdictOf({ db }: Services, kept?: AuditVerdict['head']) {
  const { sealed, unsealed, faults } = await verifyAudit(db, { kept: kept ?? undefined })
  return { sealed, unsealed, faults: faults.map(({ n, kind }) => `${kind} ${n}`) }
}

/** A log that remembers what it was told. */
export function loggedLines() {
  const lines: Record<string, unknown>[] = []
  const write = (line: string) => void lines.push(JSON.parse(line))
  return { lines, log: pino({ level: 'debug' }, { write }) }
}
