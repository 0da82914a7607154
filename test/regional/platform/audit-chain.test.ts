/** The chain over the audit log: made beside the writers, and broken by whatever is done to what it holds. */
import { spawnSync } from 'node:child_process'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { GENESIS, sealHash } from '../../../regional/platform/audit-chain.ts'
import {
  SEAL_BATCH_MAX,
  sealAudit,
  sealBatch,
  selectUnsealed,
} from '../../../regional/platform/audit-seal.ts'
import { FAULTS_MAX, verifyAudit } from '../../../regional/platform/audit-verify.ts'
import type { Services } from '../../../regional/platform/implement.ts'
import { ROOT } from '../../../scripts/support/state.ts'
import { asApp } from '../../support/app-login.ts'
import { auditRows, loggedLines, verdictOf, writeAudits } from '../../support/audit.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { testServices } from '../../support/services.ts'

let url: string
let services: Services

beforeEach(async () => {
  url = await cloneDatabase()
  services = testServices(url)
})
afterEach(() => services.close())

const POTS = Array.from({ length: 8 }, (_, index) => `pot-${index + 1}`)

function asOwner(text: string, values: unknown[] = []) {
  return queryRows(url, text, values)
}

/** Rows as if so many cells had written them in one go. */
function fill(count: number) {
  return asOwner(
    `insert into audit (id, actor, action, subject, request_id)
     select gen_random_uuid(), 'stf_1', 'pot.brewed', 'pot-' || n, 'r'
     from generate_series(1, $1::int) n`,
    [count],
  )
}

describe('sealing', () => {
  test('continues the chain with every row, once, in the order of time', async () => {
    await writeAudits(services, POTS.slice(0, 3))
    await sealAudit(services)
    await writeAudits(services, POTS.slice(3))
    expect(await verdictOf(services)).toEqual({ sealed: 3, unsealed: 5, faults: [] })
    await sealAudit(services)
    expect(await verdictOf(services)).toEqual({ sealed: 8, unsealed: 0, faults: [] })
    const order = 'select subject from audit_seal join audit on id = audit_id order by n'
    expect((await asOwner(order)).map(({ subject }) => subject)).toEqual(POTS)
  })

  test('hashes what docs/audit.md says', async () => {
    const detail = { after: ['x'], before: [] }
    await services.db.inTransaction(async (tx) => {
      tx.audit({ actor: 'a', action: 'b.c', subject: 'd', requestId: 'e', detail })
    }, 'teas.brew')
    await sealAudit(services)
    const [row] = await asOwner(
      `select n, hash, id, encode(sha256(decode(repeat('0', 64), 'hex') || convert_to(
        '[1,"' || id || '","a","b.c","d","e","' ||
        to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') ||
        '","teas.brew",' || to_json(detail::text) || ']', 'utf8')), 'hex') as expected
       from audit_seal join audit on id = audit_id`,
    )
    expect(row).toMatchObject({ n: 1, hash: row!.expected })
  })

  test('says where the chain ends, whenever it has grown, and only then', async () => {
    const { lines, log } = loggedLines()
    const db = services.db
    await sealAudit({ db, log })
    await writeAudits(services, ['pot-1'])
    await sealAudit({ db, log })
    await sealAudit({ db, log })
    const [seal] = await asOwner('select hash from audit_seal')
    expect(lines).toMatchObject([{ head: `1:${seal!.hash}`, msg: 'the audit log is sealed' }])
  })

  test('goes on from batch to batch until all is sealed', async () => {
    await fill(2 * SEAL_BATCH_MAX + 1)
    await sealAudit(services)
    expect(await verdictOf(services)).toMatchObject({ sealed: 2 * SEAL_BATCH_MAX + 1, unsealed: 0 })
  })

  test('a row that is committed after a later one is sealed behind it', async () => {
    const gate = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const late = services.db.inTransaction(async (tx) => {
      tx.audit({ actor: 'stf_1', action: 'pot.brewed', subject: 'late', requestId: 'r' })
      begun.resolve()
      await gate.promise
    })
    await begun.promise
    await writeAudits(services, ['early'])
    await sealAudit(services)
    gate.resolve()
    await late
    await sealAudit(services)
    expect(await verdictOf(services)).toEqual({ sealed: 2, unsealed: 0, faults: [] })
    expect((await auditRows(url)).map(({ subject }) => subject)).toEqual(['late', 'early'])
  })

  test('two that seal while others write lose nothing and seal nothing twice', async () => {
    const others = testServices(url)
    let writing = true
    const sealing = [services, others].map(async (each) => {
      while (writing) await sealAudit(each)
    })
    const writers = Array.from({ length: 4 }, (_, writer) =>
      writeAudits(
        services,
        Array.from({ length: 40 }, (_, index) => `pot-${writer}-${index}`),
      ),
    )
    await Promise.all(writers)
    writing = false
    await Promise.all(sealing)
    await sealAudit(services)
    expect(await verdictOf(services)).toEqual({ sealed: 160, unsealed: 0, faults: [] })
    await others.close()
  })

  test('of two that seal the same rows one is refused whole', async () => {
    await writeAudits(services, POTS)
    // Both have read before either writes.
    const gate = Promise.withResolvers<void>()
    let reads = 0
    const run: Services['db']['run'] = async (statement, values) => {
      const rows = await services.db.run(statement, values)
      if (statement.name !== selectUnsealed.name) return rows
      reads += 1
      if (reads === 2) gate.resolve()
      await gate.promise
      return rows
    }
    const sealed = await Promise.all([sealBatch({ run }), sealBatch({ run })])
    expect(sealed.map(({ head }) => head?.n ?? null).sort()).toEqual([8, null])
    expect(await verdictOf(services)).toEqual({ sealed: 8, unsealed: 0, faults: [] })
  })

  test('no writer waits for a sealer', async () => {
    await writeAudits(services, POTS)
    const client = new pg.Client({ connectionString: asApp(url) })
    await client.connect()
    await client.query('begin')
    const text = `insert into audit_seal (n, audit_id, hash) select 1, id, $1 from audit limit 1`
    await client.query(text, [GENESIS])
    await writeAudits(services, ['pot-9'])
    await client.query('rollback')
    await client.end()
    expect(await auditRows(url)).toHaveLength(9)
  })

  test('looks at the newest rows alone, by an index, however long the log is', async () => {
    await asOwner(
      `insert into audit (id, actor, action, subject, request_id, at)
       select gen_random_uuid(), 'stf_1', 'pot.brewed', 'pot', 'r', now() - n * interval '1 minute'
       from generate_series(1, 20000) n`,
    )
    await asOwner(
      `insert into audit_seal (n, audit_id, hash)
       select row_number() over (order by at), id, repeat('0', 64) from audit`,
    )
    await asOwner('analyze audit; analyze audit_seal')
    const rows = await asOwner(`explain (analyze, buffers, format json) ${textOf()}`)
    const [{ Plan: plan }] = rows[0]!['QUERY PLAN'] as [{ Plan: Record<string, number> }]
    expect(JSON.stringify(plan)).toContain('"Index Name":"audit_at"')
    expect(plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!).toBeLessThan(200)
  })
})

/** The statement as it is asked when the newest seal is a minute old. */
function textOf(): string {
  const from = `(now() - interval '16 minutes')`
  return selectUnsealed.text.replace('$1', from).replace('$2', String(SEAL_BATCH_MAX))
}

describe('the walk finds', () => {
  /** The chain as it was sealed. */
  let head: { n: number; hash: string }

  beforeEach(async () => {
    await writeAudits(services, POTS)
    await sealAudit(services)
    head = (await verifyAudit(services.db)).head!
  })

  const at = (n: number) => `(select audit_id from audit_seal where n = ${n})`
  const sealed = 8

  test('nothing in a chain that is whole, with a head that was kept, then or earlier', async () => {
    expect(await verdictOf(services, head)).toEqual({ sealed, unsealed: 0, faults: [] })
    await writeAudits(services, ['pot-9'])
    await sealAudit(services)
    expect(await verdictOf(services, head)).toEqual({ sealed: 9, unsealed: 0, faults: [] })
  })

  test.each([
    ['actor', `'stf_2'`],
    ['action', `'pot.broken'`],
    ['subject', `'kettle'`],
    ['request_id', `'s'`],
    ['at', `at + interval '1 microsecond'`],
    ['contract', `'teas.brew'`],
    ['detail', `'{"a": 1}'`],
  ])('a row whose %s was changed', async (column, text) => {
    await asOwner(`update audit set ${column} = ${text} where id = ${at(4)}`)
    expect(await verdictOf(services)).toEqual({ sealed, unsealed: 0, faults: ['changed 4'] })
  })

  test('a seal that was changed', async () => {
    await asOwner(`update audit_seal set hash = repeat('a', 64) where n = 8`)
    expect((await verdictOf(services)).faults).toEqual(['changed 8'])
  })

  test('a row that was removed, wherever it stood', async () => {
    for (const n of [1, 4, 8]) await asOwner(`delete from audit where id = ${at(n)}`)
    expect((await verdictOf(services)).faults).toEqual(['removed 1', 'removed 4', 'removed 8'])
  })

  test('rows that were removed with their seals', async () => {
    await asOwner(
      `delete from audit where id in (select audit_id from audit_seal where n in (3, 4))`,
    )
    await asOwner('delete from audit_seal where n in (3, 4)')
    expect(await verdictOf(services)).toEqual({ sealed: 6, unsealed: 0, faults: ['removed 3'] })
  })

  test('a cut end, only by the head that was kept', async () => {
    await asOwner('delete from audit where id in (select audit_id from audit_seal where n > 5)')
    await asOwner('delete from audit_seal where n > 5')
    expect((await verdictOf(services)).faults).toEqual([])
    expect((await verdictOf(services, head)).faults).toEqual(['cut 8'])
  })

  test('a chain that was made anew over a changed row, only by the head that was kept', async () => {
    await asOwner(`update audit set actor = 'stf_2' where id = ${at(2)}`)
    await asOwner('truncate audit_seal')
    await sealAudit(services)
    expect((await verdictOf(services)).faults).toEqual([])
    expect((await verdictOf(services, head)).faults).toEqual(['rewritten 8'])
  })

  test('a row that was put among older ones, and never seals it', async () => {
    await asOwner(
      `insert into audit (id, actor, action, subject, request_id, at)
       values (gen_random_uuid(), 'stf_9', 'pot.brewed', 'pot', 'r', now() - interval '1 hour')`,
    )
    await sealAudit(services)
    expect(await verdictOf(services)).toEqual({ sealed, unsealed: 1, faults: ['inserted null'] })
  })

  test('a row that was put into the chain, whose later seals were moved', async () => {
    await asOwner('update audit_seal set n = n + 100 where n > 4')
    await asOwner('update audit_seal set n = n - 99 where n > 100')
    await asOwner(
      `with row as (
        insert into audit (id, actor, action, subject, request_id)
        values (gen_random_uuid(), 'stf_9', 'pot.brewed', 'pot', 'r') returning id
      ) insert into audit_seal (n, audit_id, hash) select 5, id, repeat('b', 64) from row`,
    )
    const { faults } = await verdictOf(services)
    expect(faults).toEqual(['changed 5', ...[6, 7, 8, 9].map((n) => `reordered ${n}`)])
  })

  test('more faults than it lists, and counts them', async () => {
    await fill(FAULTS_MAX)
    await sealAudit(services)
    await asOwner(`update audit set actor = 'stf_2'`)
    const { faults, faultsFound } = await verifyAudit(services.db)
    expect(faults).toHaveLength(FAULTS_MAX)
    expect(faultsFound).toBe(FAULTS_MAX + sealed)
  })

  test('rows in each other’s places', async () => {
    // The seals stay, and name each other's rows.
    await asOwner('alter table audit_seal drop constraint audit_seal_audit_id_unique')
    await asOwner(
      `update audit_seal seal set audit_id = other.audit_id from audit_seal other
       where seal.n in (3, 6) and other.n = 9 - seal.n`,
    )
    expect(await verdictOf(services)).toEqual({
      sealed,
      unsealed: 0,
      faults: ['reordered 3', 'reordered 6'],
    })
  })

  test('seals that were renumbered with their rows', async () => {
    await asOwner('update audit_seal set n = 100 where n = 3')
    await asOwner('update audit_seal set n = 3 where n = 4')
    await asOwner('update audit_seal set n = 4 where n = 100')
    expect((await verdictOf(services)).faults).toEqual(['reordered 3', 'reordered 4'])
  })

  test('a forged seal that does not know the one before it', async () => {
    await writeAudits(services, ['pot-9'])
    const [row] = await auditRows(url)
    const hash = sealHash(GENESIS, 9, { ...row!, at: '', detail: null })
    await asOwner(
      `insert into audit_seal (n, audit_id, hash)
       select 9, id, $1 from audit where subject = 'pot-9'`,
      [hash],
    )
    expect((await verdictOf(services)).faults).toEqual(['changed 9'])
  })

  describe('npm run audit:verify', () => {
    function run(...args: string[]) {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['scripts/audit-verify.ts', ...args],
        { cwd: ROOT, encoding: 'utf8', env: { ...process.env, DATABASE_URL: asApp(url) } },
      )
      return { status, stdout, stderr, last: stdout.trim().split('\n').at(-1)! }
    }
    const kept = () => `${head.n}:${head.hash}`

    test('exits 0 when all is whole, and says so', async () => {
      expect(run()).toMatchObject({ status: 0, stderr: '', last: 'The audit log is whole.' })
      const { status, last } = run('--json', '--head', kept())
      expect(status).toBe(0)
      expect(JSON.parse(last)).toEqual({ sealed, unsealed: 0, head, faults: [], faultsFound: 0 })
    })

    test('exits 1 and names the fault otherwise', async () => {
      const [{ id }] = (await asOwner(`select ${at(4)} as id`)) as [{ id: string }]
      await asOwner(`update audit set actor = 'stf_2' where id = '${id}'`)
      const { status, last } = run('--json')
      expect(status).toBe(1)
      expect(JSON.parse(last)).toEqual({
        sealed,
        unsealed: 0,
        head,
        faults: [{ n: 4, auditId: id, kind: 'changed' }],
        faultsFound: 1,
      })
      expect(run().stdout).toContain(`✗ changed    seal 4  row ${id}`)
      expect(run('--head', `9${kept()}`).stdout).toContain('✗ cut')
    })

    test('refuses what is no head, and a database that it cannot read', () => {
      expect(run('--head', '8:short')).toMatchObject({ status: 1, stdout: '' })
      const { status, stderr } = spawnSync(process.execPath, ['scripts/audit-verify.ts'], {
        cwd: ROOT,
        encoding: 'utf8',
        env: { ...process.env, DATABASE_URL: 'postgres://nobody:hidden@127.0.0.1:9/none' },
      })
      expect(status).toBe(1)
      expect(stderr).toBe('The audit log cannot be read (ECONNREFUSED): check DATABASE_URL\n')
    })
  })
})
