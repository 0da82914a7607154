/** The audit log: what staff did, and what they were refused. */
import { z } from 'zod'
import { Instant, ListLimit } from './catalog-fields.ts'
import { endpoint, forward } from './endpoint.ts'

const Actor = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9][\w.:@|-]*$/)
const Action = z
  .string()
  .max(100)
  .regex(/^[a-z][a-z_.]*$/)
const Subject = z
  .string()
  .max(300)
  .regex(/^[A-Za-z0-9][\w.:-]*$/)
/** Opaque: base64url. */
const Cursor = z
  .string()
  .max(200)
  .regex(/^[\w-]+$/)

export const AuditEntry = z.object({
  id: z.guid(),
  at: Instant,
  actor: z.string().describe('The id of who did it'),
  action: z.string().describe('What was done, or `access.denied`'),
  subject: z.string().describe('What it was done to; of a refusal the contract and its ids'),
  contract: z.string().nullable().describe('The operation that was called'),
  requestId: z.string(),
  detail: z.record(z.string(), z.unknown()).nullable().describe('Such as before and after'),
  seal: z
    .int()
    .nullable()
    .describe('Its place in the chain; null for the seconds until it has one'),
})
export type AuditEntry = z.infer<typeof AuditEntry>

export const AuditPage = z.object({
  items: z.array(AuditEntry),
  next: Cursor.nullable().describe('Pass it as `after` for the page that follows'),
})
export type AuditPage = z.infer<typeof AuditPage>

const ListAudit = z.strictObject({
  actor: Actor.optional(),
  action: Action.optional(),
  subject: Subject.optional(),
  from: Instant.optional().describe('The first instant that is shown'),
  to: Instant.optional().describe('The first instant that is not shown any more'),
  limit: ListLimit,
  after: Cursor.optional(),
})
export type ListAudit = z.output<typeof ListAudit>

export const listAudit = endpoint({
  method: 'get',
  path: '/v1/staff/audit',
  summary: 'A page of the audit log, newest first',
  access: 'staff:audit:read',
  serve: forward(),
  request: { query: ListAudit },
  response: AuditPage,
  problems: [],
})
