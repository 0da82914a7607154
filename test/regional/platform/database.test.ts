/** The database: both drivers alike, a stated budget, and errors that are told by code and constraint. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeOf, constraintOf, Database } from '../../../regional/platform/database.ts'
import { currentStamp } from '../../../regional/platform/feed.ts'
import { createLog } from '../../../regional/platform/log.ts'
import { statement, value } from '../../../regional/platform/statement.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { type NeonBridge, startNeonBridge } from '../../support/neon-bridge.ts'

const log = createLog({ level: 'silent', cell: 'eu' })
const limits = { poolMax: 3, waitingMax: 100, waitMsMax: 5_000 }
const echo = statement<{ text: string; big: number }, Record<string, unknown>>(
  'test_echo',
  sql`select ${value('text')}::text as text, ${value('big')}::bigint as big,
    array['a', 'b'] as list, '{"a":1}'::jsonb as document, true as flag`,
)
const insertAudit = statement<{ id: string }, unknown>(
  'test_insert_audit',
  sql`insert into audit (id, actor, action, subject, request_id)
    values (${value('id')}, 'a', 'b', 'c', 'd')`,
)
const ID = '0199c1f2-0000-7000-8000-000000000001'

describe.each(['pg', 'neon'])('through %s', (driver) => {
  let url: string
  let bridge: NeonBridge | undefined
  let db: Database

  beforeAll(async () => {
    url = await cloneDatabase()
    bridge = driver === 'neon' ? await startNeonBridge() : undefined
    db = new Database({ url, ...limits, neonProxy: bridge?.proxy }, log)
  })
  afterAll(async () => {
    await db.close()
    await bridge?.close()
  })

  test('a statement gets its values and gives its rows, with counts as numbers', async () => {
    const rows = await db.run(echo, { text: 'Tür', big: 2 ** 52 })
    expect(rows).toEqual([
      { text: 'Tür', big: 2 ** 52, list: ['a', 'b'], document: { a: 1 }, flag: true },
    ])
    if (bridge !== undefined) expect(bridge.connections).toBeGreaterThan(0)
  })

  test('a transaction commits its state, tick, event and audit row together', async () => {
    const before = await currentStamp(db)
    const committed = await db.inTransaction(async (tx) => {
      tx.tag('product:1')
      tx.publish({ type: 'tea.brewed', subject: 'pot', payload: { text: 'Tür' } })
      tx.audit({ actor: 'stf_1', action: 'brew', subject: 'pot', requestId: 'r1' })
      return 'value'
    })
    expect(committed.value).toBe('value')
    expect(committed.position).toEqual({ n: before.n + 1, history: before.history })
    const events = await queryRows(url, 'select type, payload from outbox')
    expect(events).toEqual([{ type: 'tea.brewed', payload: { text: 'Tür' } }])
    const audits = await queryRows(url, 'select actor, action, request_id from audit')
    expect(audits).toEqual([{ actor: 'stf_1', action: 'brew', request_id: 'r1' }])
  })

  test('a transaction that throws leaves nothing, and its connection can be used again', async () => {
    for (let attempt = 0; attempt < limits.poolMax + 1; attempt += 1) {
      const spilt = db.inTransaction(async (tx) => {
        await tx.run(insertAudit, { id: ID })
        throw new Error('spilt')
      })
      await expect(spilt).rejects.toThrow('spilt')
    }
    expect(await queryRows(url, 'select id from audit where id = $1', [ID])).toEqual([])
    expect(await db.run(echo, { text: 'x', big: 1 })).toHaveLength(1)
  })

  test('a violated constraint is told by code and name', async () => {
    await db.run(insertAudit, { id: ID })
    const refused = await db.run(insertAudit, { id: ID }).catch((error: unknown) => error)
    expect(codeOf(refused)).toBe('23505')
    expect(constraintOf(refused)).toBe('audit_pkey')
  })

  test('more work than connections waits its turn and is all done', async () => {
    const all = Array.from({ length: 30 }, (_, big) => db.run(echo, { text: 'x', big }))
    const rows = (await Promise.all(all)).map(([row]) => row!.big)
    expect(rows).toEqual(Array.from({ length: 30 }, (_, big) => big))
  })
})

test('no more connections are opened than the budget states', async () => {
  const url = await cloneDatabase()
  const db = new Database({ url, ...limits }, log)
  const all = Array.from({ length: 50 }, () => db.run(echo, { text: 'x', big: 1 }))
  await Promise.all(all)
  const [row] = await queryRows<{ open: number }>(
    url,
    `select count(*)::int as open from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`,
  )
  expect(row!.open).toBeLessThanOrEqual(limits.poolMax)
  await db.close()
})

test('a connection that Postgres ends is replaced', async () => {
  const url = await cloneDatabase()
  const db = new Database({ url, ...limits }, log)
  await db.run(echo, { text: 'x', big: 1 })
  await queryRows(
    url,
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`,
  )
  const rows = await db.run(echo, { text: 'y', big: 1 }).catch(() => null)
  const again = rows ?? (await db.run(echo, { text: 'y', big: 1 }))
  expect(again).toHaveLength(1)
  await db.close()
})
