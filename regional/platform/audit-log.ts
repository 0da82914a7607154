/** The audit log as staff read it: newest first, by what they filter. */
import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { AuditPage, ListAudit } from '../../shared/contracts/audit.ts'
import { invalidField } from '../../shared/problems.ts'
import { assertScope } from './access.ts'
import type { Runner } from './database.ts'
import type { Actor } from './implement.ts'
import { momentText, type Statement, statement, value } from './statement.ts'

type Entry = AuditPage['items'][number]

interface Values extends Record<string, unknown> {
  from: string
  to: string
  beforeAt: string
  beforeId: string
  limit: number
}

const FILTERS = ['actor', 'action', 'subject'] as const

/** The time to the microsecond, as rows are ordered: two that differ by less than a millisecond have their places. */
type Row = Entry & { place: string }

/** One statement for each choice of filters, so that each has a plan that its index serves. */
const statements = new Map<string, Statement<Values, Row>>()

/** @param filters some of `FILTERS`, in that order. */
export function pageStatement(filters: readonly string[]): Statement<Values, Row> {
  const name = ['audit_page', ...filters].join('_')
  const known = statements.get(name) ?? statement<Values, Row>(name, pageQuery(filters))
  statements.set(name, known)
  return known
}

function pageQuery(filters: readonly string[]): SQL {
  const equal = filters.map((name) => sql`entry.${sql.raw(name)} = ${value(name)} and`)
  return sql`
  select entry.id, entry.actor, entry.action, entry.subject, entry.contract, entry.detail,
    entry.request_id as "requestId", seal.n as seal,
    ${momentText(sql`entry.at`)} as at,
    to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place
  from audit entry left join audit_seal seal on seal.audit_id = entry.id
  where ${sql.join(equal, sql` `)} entry.at >= ${value('from')}::timestamptz
    and entry.at < ${value('to')}::timestamptz
    and (entry.at, entry.id) < (${value('beforeAt')}::timestamptz, ${value('beforeId')}::uuid)
  order by entry.at desc, entry.id desc limit ${value('limit')}::int + 1`
}

/**
 * A page of the audit log. Pages are cut by key, so rows that are added meanwhile move none from one page to the next.
 *
 * @throws {Problem} `access.denied`, or `request.invalid` for a cursor that is none.
 */
export async function auditPage(
  runner: Runner,
  actor: Actor,
  query: ListAudit,
): Promise<AuditPage> {
  assertScope(actor, 'audit:read')
  const { from = '-infinity', to = 'infinity', after, limit, ...filters } = query
  const before = after === undefined ? NEWEST : placeOf(after)
  const given = FILTERS.filter((name) => filters[name] !== undefined)
  const rows = await runner.run(pageStatement(given), { ...filters, ...before, from, to, limit })
  const last = rows.length > limit ? rows[limit - 1]! : null
  return {
    items: rows.slice(0, limit).map(({ place: _, ...entry }) => entry),
    next: last === null ? null : formatPlace(last),
  }
}

const NEWEST = { beforeAt: 'infinity', beforeId: '00000000-0000-0000-0000-000000000000' }

const Place = z.tuple([
  z.iso.datetime({ precision: 6 }).refine((at) => at >= '1970', 'Postgres knows no year 0'),
  z.guid(),
])

function formatPlace({ place, id }: Row): string {
  return Buffer.from(JSON.stringify([place, id])).toString('base64url')
}

function placeOf(text: string): typeof NEWEST {
  const place = Place.safeParse(jsonOf(text))
  if (!place.success) throw invalidField('query', '/after', 'is not the `next` of such a list')
  const [beforeAt, beforeId] = place.data
  return { beforeAt, beforeId }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    return null
  }
}
