/** The list of the audit log: its filters, its pages, its order, and who may read it. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pageStatement } from '../../../regional/platform/audit-log.ts'
import { sealAudit } from '../../../regional/platform/audit-seal.ts'
import type { AuditPage } from '../../../shared/contracts/audit.ts'
import { SCOPES } from '../../../shared/principal.ts'
import { auditRows } from '../../support/audit.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'

const ROWS = 240
const PATH = '/v1/staff/audit'

let cell: TestCell
let token: string

beforeAll(async () => {
  cell = await startTestCell()
  token = await accessToken({ scopes: ['audit:read'] })
  // A row a minute up to noon, four to each instant, so that only their ids keep their order.
  await queryRows(
    cell.url,
    `insert into audit (id, actor, action, subject, request_id, at, contract, detail)
     select gen_random_uuid(), 'stf_' || n % 3, 'pot.' || case n % 2 when 0 then 'brewed' else 'drunk' end,
       'pot-' || n % 5, 'r' || n, '2026-11-27T12:00:00.000001Z'::timestamptz - n / 4 * interval '1 minute',
       'teas.brew', jsonb_build_object('n', n)
     from generate_series(0, $1::int - 1) n`,
    [ROWS],
  )
})
afterAll(() => cell.close())

function ask(query: Record<string, string | number> = {}, as = token): Promise<Response> {
  const text = new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)]))
  return cell.call('get', `${PATH}?${text}`, { token: as })
}

async function page(query: Record<string, string | number> = {}): Promise<AuditPage> {
  const response = await ask(query)
  expect(response.status).toBe(200)
  return (await response.json()) as AuditPage
}

/** All pages, one after the other. */
async function all(query: Record<string, string | number>) {
  const items: AuditPage['items'] = []
  let after: string | null = null
  do {
    const next: AuditPage = await page({ ...query, ...(after === null ? {} : { after }) })
    items.push(...next.items)
    after = next.next
  } while (after !== null)
  return items
}

describe('it lists', () => {
  test('every row once, newest first, page by page', async () => {
    const listed = await all({ limit: 7 })
    const rows = await auditRows(cell.url)
    expect(listed.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).reverse())
    expect(listed).toHaveLength(ROWS)
  })

  test('what a row holds, and its place in the chain once it has one', async () => {
    const own = await startTestCell()
    const entry = { actor: 'stf_1', action: 'pot.brewed', subject: 'pot', requestId: 'r' }
    const detail = { before: 1, after: 2 }
    await own.services.db.inTransaction(async (tx) => tx.audit({ ...entry, detail }), 'teas.brew')
    const first = async () => {
      const response = await own.call('get', PATH, { token })
      return ((await response.json()) as AuditPage).items[0]!
    }
    const id = (await auditRows(own.url))[0]!.id
    const row = await first()
    expect(row).toEqual({ ...entry, id, at: row.at, contract: 'teas.brew', detail, seal: null })
    expect(Math.abs(Date.parse(row.at) - Date.now())).toBeLessThan(60_000)
    await sealAudit(own.services)
    expect(await first()).toEqual({ ...row, seal: 1 })
    await own.close()
  })

  test.each([
    ['actor', 'stf_1', ROWS / 3],
    ['action', 'pot.drunk', ROWS / 2],
    ['subject', 'pot-4', ROWS / 5],
  ] as const)('only the rows of one %s', async (name, text, count) => {
    const listed = await all({ [name]: text, limit: 9 })
    expect(listed).toHaveLength(count)
    for (const row of listed) expect(row[name]).toBe(text)
  })

  test('only the rows that every filter lets through', async () => {
    const filters = { actor: 'stf_1', action: 'pot.drunk', subject: 'pot-2' }
    const listed = await all({ ...filters, limit: 3 })
    expect(listed).toHaveLength(ROWS / 30)
    for (const row of listed) expect(row).toMatchObject(filters)
    expect((await page({ actor: 'stf_9' })).items).toEqual([])
  })

  test('from one instant up to another, page by page', async () => {
    const from = '2026-11-27T11:50:00.000Z'
    const to = '2026-11-27T11:52:00.000Z'
    const listed = await all({ from, to, limit: 3 })
    expect(listed).toHaveLength(8)
    expect(new Set(listed.map(({ at }) => at))).toEqual(
      new Set(['2026-11-27T11:51:00.000Z', '2026-11-27T11:50:00.000Z']),
    )
    expect((await page({ from: to, to: from })).items).toEqual([])
  })

  test('each row once while others are added', async () => {
    const first = await page({ limit: 5, to: '2026-11-27T13:00:00.000Z' })
    await queryRows(
      cell.url,
      `insert into audit (id, actor, action, subject, request_id, at)
       values (gen_random_uuid(), 'stf_7', 'pot.brewed', 'new', 'r', '2026-11-27T12:30:00Z')`,
    )
    const rest = await all({ limit: 100, after: first.next! })
    const ids = [...first.items, ...rest].map(({ id }) => id)
    expect(new Set(ids).size).toBe(ROWS)
    await queryRows(cell.url, `delete from audit where subject = 'new'`)
  })

  test('at most a hundred at a time', async () => {
    expect((await page({ limit: 100 })).items).toHaveLength(100)
    expect((await page()).items).toHaveLength(20)
    for (const limit of [0, 101, 'x']) expect((await ask({ limit })).status).toBe(400)
  })
})

test('only who may read it is shown it', async () => {
  const scopes = SCOPES.filter((scope) => scope !== 'audit:read')
  const tokens = [
    await accessToken({ scopes }),
    await accessToken({ role: 'customer', sub: 'cus_1' }),
  ]
  for (const other of tokens) expect((await ask({}, other)).status).toBe(403)
  await queryRows(cell.url, `delete from audit where action = 'access.denied'`)
})

const cursor = (place: unknown) => Buffer.from(JSON.stringify(place)).toString('base64url')
const ID = '01890000-0000-7000-8000-000000000000'

test.each([
  ['no JSON', 'AAAA'],
  ['another list’s', cursor(['newest', 0, ID])],
  ['a time that is none', cursor(['yesterday', ID])],
  ['a year that Postgres does not know', cursor(['0000-01-01T00:00:00.000000Z', ID])],
  ['an id that is none', cursor(['2026-01-01T00:00:00.000000Z', 'x'])],
])('a cursor that is %s is refused, and named', async (_, after) => {
  const response = await ask({ after })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ errors: [{ in: 'query', pointer: '/after' }] })
})

test.each([
  [[], 'audit_at'],
  [['actor'], 'audit_actor'],
  [['action'], 'audit_action'],
  [['subject'], 'audit_subject'],
])('filtered by %j it is read in order from an index', async (filters, index) => {
  const plan = await planOf(pageStatement(filters).text)
  expect(plan).toContain(`Index Scan Backward using ${index} on audit`)
  expect(plan).not.toContain('Sort')
})

/** The generic plan, which a prepared statement ends with; the little table here is planned as a large one. */
async function planOf(text: string): Promise<string> {
  const client = new pg.Client({ connectionString: cell.url })
  await client.connect()
  try {
    await client.query('analyze audit; set enable_seqscan = off')
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain (generic_plan) ${text}`)
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  } finally {
    await client.end()
  }
}
