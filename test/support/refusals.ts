/** What every refusal of the edge has, and what it may not have done. */
import { expect } from 'vitest'
import { PROBLEM_CONTENT_TYPE, PROBLEMS, type ProblemDetails } from '../../shared/problems.ts'
import { queryRows } from './database.ts'

/** A problem, readable from any origin, with the headers that every answer carries. */
export async function refusalOf(response: Response, name = ''): Promise<ProblemDetails> {
  const { headers, status } = response
  const text = await response.text()
  expect(headers.get('content-type'), `${name}: ${status} ${text}`).toBe(PROBLEM_CONTENT_TYPE)
  const details = JSON.parse(text) as ProblemDetails
  expect(details.status, name).toBe(status)
  expect(PROBLEMS[details.code]?.[0], name).toBe(status)
  expect(headers.get('tradewind-request-id'), name).toMatch(/^[0-9a-f-]{36}$/)
  if (details.requestId) expect(details.requestId).toBe(headers.get('tradewind-request-id'))
  expect(headers.get('access-control-allow-origin'), name).toBe('*')
  expect(headers.get('access-control-expose-headers'), name).toContain('tradewind-request-id')
  expect(headers.get('x-content-type-options'), name).toBe('nosniff')
  expect(headers.get('strict-transport-security'), name).toContain('max-age=')
  return details
}

/** A refusal by its code, and the field at fault among those it names. */
export async function expectRefused(
  response: Response,
  expected: { code: string; pointer?: string | undefined; name?: string },
): Promise<void> {
  const { code, pointer, name = '' } = expected
  const details = await refusalOf(response, name)
  expect(details.code, `${name}: ${JSON.stringify(details)}`).toBe(code)
  if (pointer === undefined) return
  const pointers = details.errors?.map((error) => error.pointer)
  expect(pointers, `${name}: ${JSON.stringify(details)}`).toContain(pointer)
}

/**
 * Every table of ours, with its rows in short: two equal ones mean that nothing was written between. But for the seals,
 * which follow the audit log by themselves.
 */
export async function contentsOf(databaseUrl: string): Promise<Record<string, string>> {
  const tables = await queryRows<{ name: string }>(
    databaseUrl,
    `select table_name as name from information_schema.tables
     where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'audit_seal'
     order by table_name`,
  )
  const each = tables.map(
    ({ name }) =>
      `select '${name}' as name, count(*) || ' ' || coalesce(md5(string_agg(row::text, ','
       order by row::text)), '') as rows from public."${name}" row`,
  )
  const contents = await queryRows<{ name: string; rows: string }>(
    databaseUrl,
    each.join(' union all '),
  )
  return Object.fromEntries(contents.map(({ name, rows }) => [name, rows]))
}
