/** What a database must be before a cell serves from it. */
import { readFileSync } from 'node:fs'
import { sql } from 'drizzle-orm'
import { codeOf, type Database } from './database.ts'
import { type Statement, statement } from './statement.ts'

const POSTGRES_MAJOR_MIN = 15
/** Every commit that was answered survives a crash, and a failover to a synchronous standby. */
const DURABLE = ['on', 'remote_apply']

interface DatabaseRow {
  version: number
  synchronousCommit: string
  hasMigrations: boolean
  hasJobs: boolean
}

const selectDatabase = statement<Record<string, never>, DatabaseRow>(
  'servable_database',
  sql`select current_setting('server_version_num')::int as version,
    current_setting('synchronous_commit') as "synchronousCommit",
    to_regclass('drizzle.__drizzle_migrations') is not null as "hasMigrations",
    to_regclass('pgboss.version') is not null as "hasJobs"`,
)

const selectMigrated = statement<Record<string, never>, { at: number | null }>(
  'servable_migrated',
  sql`select max(created_at) as at from drizzle.__drizzle_migrations`,
)

interface RightsRow {
  mayChangeAudit: boolean
  isLacking: boolean
}

/** Whoever owns a table, or its schema, may take every right, whatever was revoked. */
const selectRights = statement<Record<string, never>, RightsRow>(
  'servable_rights',
  sql`select bool_or(name in ('audit', 'audit_seal') and (
      has_table_privilege(oid, 'update, delete, truncate, trigger')
      or has_any_column_privilege(oid, 'update')
      or pg_has_role(relowner, 'member') or pg_has_role(nspowner, 'member')
    )) as "mayChangeAudit",
    bool_or(not has_table_privilege(oid, 'insert')) as "isLacking"
  from (
    select class.oid, class.relname as name, class.relowner, namespace.nspowner
    from pg_class class join pg_namespace namespace on namespace.oid = class.relnamespace
    where namespace.nspname = 'public' and class.relkind in ('r', 'p')
  ) own`,
)

const HOW_TO_CONNECT = 'let DATABASE_URL name a login made by `npm run migrate -- --login NAME`'

/** @throws {Error} one line that says what is wrong and what to do. */
export async function assertServable(db: Database): Promise<void> {
  const { version, synchronousCommit, hasMigrations, hasJobs } = (await ask(db, selectDatabase))!
  if (version < POSTGRES_MAJOR_MIN * 10_000) {
    const major = Math.floor(version / 10_000)
    throw new Error(`Postgres ${major} is too old: ${POSTGRES_MAJOR_MIN} or newer is needed`)
  }
  if (!DURABLE.includes(synchronousCommit)) {
    throw new Error(
      `synchronous_commit is '${synchronousCommit}': it must be 'on', or an answered write can be lost`,
    )
  }
  const migrated = hasMigrations ? (await ask(db, selectMigrated))?.at : null
  if (!hasJobs || (migrated ?? 0) < newestMigration()) {
    throw new Error('The database lacks migrations: run `npm run migrate`')
  }
  const { mayChangeAudit, isLacking } = (await ask(db, selectRights))!
  if (mayChangeAudit) throw new Error(`The cell’s role may change the audit log: ${HOW_TO_CONNECT}`)
  if (isLacking) throw new Error(`The cell’s role lacks rights: ${HOW_TO_CONNECT}`)
}

const INSUFFICIENT_PRIVILEGE = '42501'

async function ask<Row>(
  db: Database,
  question: Statement<Record<string, never>, Row>,
): Promise<Row | undefined> {
  const [row] = await db.run(question, {}).catch((cause: unknown) => {
    const code = codeOf(cause) ?? 'no answer'
    throw new Error(
      code === INSUFFICIENT_PRIVILEGE
        ? `The cell’s role lacks rights: ${HOW_TO_CONNECT}`
        : `The database cannot be reached (${code}): check DATABASE_URL`,
      { cause },
    )
  })
  return row
}

/** When the newest migration of this release was made, as the migrator records it. */
function newestMigration(): number {
  const journal = new URL('../../drizzle/meta/_journal.json', import.meta.url)
  const { entries } = JSON.parse(readFileSync(journal, 'utf8')) as { entries: { when: number }[] }
  return Math.max(...entries.map((entry) => entry.when))
}
