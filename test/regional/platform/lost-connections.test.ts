/** Connections that end at the worst moment: between two statements of a transaction. */
import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Database } from '../../../regional/platform/database.ts'
import { createLog } from '../../../regional/platform/log.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { type NeonBridge, startNeonBridge } from '../../support/neon-bridge.ts'

const log = createLog({ level: 'silent', cell: 'eu' })
const limits = { poolMax: 2, waitingMax: 100, waitMsMax: 5_000 }

describe.each(['pg', 'neon'])('through %s', (driver) => {
  let url: string
  let bridge: NeonBridge | undefined
  let db: Database

  beforeEach(async () => {
    url = await cloneDatabase()
    bridge = driver === 'neon' ? await startNeonBridge() : undefined
    db = new Database({ url, ...limits, neonProxy: bridge?.proxy }, log)
  })
  afterEach(async () => {
    await db.close()
    await bridge?.close()
  })

  const endAll = () =>
    queryRows(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`,
    )
  const gone = () =>
    expect
      .poll(() =>
        queryRows(
          url,
          `select pid from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()`,
        ),
      )
      .toEqual([])

  test('a transaction that loses its connection fails alone', async () => {
    for (let round = 0; round < limits.poolMax + 1; round += 1) {
      const lost = await db
        .inTransaction(async (tx) => {
          await tx.query.execute(sql`select 1`)
          await endAll()
          await gone()
          await tx.query.execute(sql`select 1`)
        })
        .catch((error: unknown) => error)
      expect(lost).toBeInstanceOf(Error)
      console.log(driver, lost, (lost as any).cause)
    }
    const { value } = await db.inTransaction((tx) => tx.query.execute(sql`select 1 as one`))
    expect(value.rows).toEqual([{ one: 1 }])
  })

  test('a transaction that cannot begin gives its connection back', async () => {
    for (let round = 0; round < limits.poolMax + 1; round += 1) {
      await db.run({name:'x',text:'select 1',params:[]} as any, {})
      const ended = endAll()
      const r = await Promise.allSettled([
        db.inTransaction((tx) => tx.query.execute(sql`select 1`)),
        db.inTransaction((tx) => tx.query.execute(sql`select 1`)),
        db.inTransaction((tx) => tx.query.execute(sql`select 1`)),
        ended,
      ])
      console.log(driver, r.map((x) => x.status==='rejected'? String(x.reason.cause??x.reason):'ok'))
    }
    const { value } = await db.inTransaction((tx) => tx.query.execute(sql`select 1 as one`))
    expect(value.rows).toEqual([{ one: 1 }])
  })
})
