/** The audit log as it concerns one account: what its owner may know of it. */
import { sql } from 'drizzle-orm'
import type { Runner } from './database.ts'
import { momentText, statement, value } from './statement.ts'

export interface AuditAbout {
  at: string
  action: string
  by: 'customer' | 'other'
}

const select = statement<{ id: string; limit: number }, AuditAbout>(
  'audit_about',
  sql`
  select ${momentText(sql`entry.at`)} as at,
    entry.action, case when entry.actor = ${value('id')} then 'customer' else 'other' end as by
  from audit entry
  where entry.subject = ${value('id')} or entry.actor = ${value('id')}
  order by entry.at desc, entry.id desc limit ${value('limit')}::int`,
)

/** What was done by an account or to it, the newest first. Others are not named. */
export async function auditAbout(
  runner: Runner,
  request: { id: string; limit: number },
): Promise<AuditAbout[]> {
  return await runner.run(select, request)
}
