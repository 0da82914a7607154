/**
 * The role of a cell, and the logins that have it.
 *
 * Whoever owns the tables may do anything with them, so a cell does not connect as their owner: it is a member of
 * `tradewind_app`, which may read and write every table, and only add to the audit log.
 */
import pg from 'pg'

const ROLE = 'tradewind_app'
const APPEND_ONLY = 'public.audit, public.audit_seal'
const ATTEMPTS_MAX = 5
/** The key of the lock under which one process at a time sets the rights in a database. */
const LOCK = 7_418

const LOGIN_NAME = /^[a-z_][a-z0-9_]{0,62}$/
const LOGIN_PASSWORD = /^[\x21-\x7e]{16,256}$/

export interface Login {
  name: string
  password: string
}

/**
 * Gives the role exactly its rights, creating it if need be; run it after every migration, so that new tables are
 * covered. A right that is not listed here is taken away.
 */
export async function grantRights(url: string): Promise<void> {
  await connected(url, async (client) => {
    await patiently(() => createRole(client))
    await client.query(RIGHTS)
  })
}

async function createRole(client: pg.Client): Promise<void> {
  // Asked first: who may not create roles can still migrate where somebody else has created it.
  if ((await statusOf(client, ROLE)) === null) await client.query(`create role ${ROLE} nologin`)
}

/** One transaction, so that a cell that runs meanwhile keeps its rights throughout. */
const RIGHTS = `
begin;
select pg_advisory_xact_lock(${LOCK});
do $$ begin
  execute format('grant connect on database %I to ${ROLE}', current_database());
end $$;
revoke all on all tables in schema public, drizzle, pgboss from ${ROLE};
revoke all on ${APPEND_ONLY} from public;
grant usage on schema public, drizzle, pgboss to ${ROLE};
grant select, insert, update, delete on all tables in schema public, pgboss to ${ROLE};
revoke update, delete on ${APPEND_ONLY} from ${ROLE};
grant usage, select on all sequences in schema public, pgboss to ${ROLE};
grant execute on all functions in schema public, pgboss to ${ROLE};
grant select on drizzle.__drizzle_migrations to ${ROLE};
commit`

/** @throws {Error} that says what a login may be called, and what its password may be. */
export function assertLogin({ name, password }: Login): void {
  if (!LOGIN_NAME.test(name)) {
    throw new Error('A login’s name is made of lower-case letters, digits and _, 63 at most')
  }
  if (!LOGIN_PASSWORD.test(password)) {
    throw new Error('A login’s password is 16 to 256 visible ASCII characters')
  }
}

/**
 * Creates a login that has the role, or changes its password.
 *
 * @throws {Error} when the name is another's: a role that cannot be a cell's must not become one.
 */
export async function ensureLogin(url: string, login: Login): Promise<void> {
  assertLogin(login)
  const { name, password } = login
  await connected(url, (client) =>
    patiently(async () => {
      const status = await statusOf(client, name)
      if (status !== null && !status.isLogin) {
        throw new Error(`There is a role ${name} already that is no cell’s: choose another name`)
      }
      const secret = client.escapeLiteral(password)
      const role = client.escapeIdentifier(name)
      await client.query(
        status === null
          ? `create role ${role} login password ${secret} in role ${ROLE}`
          : `alter role ${role} login password ${secret}`,
      )
    }),
  )
}

/** The same database as that login. */
export function urlAs(url: string, { name, password }: Login): string {
  return Object.assign(new URL(url), { username: name, password }).toString()
}

/** `null` when there is no such role; a login of ours is an ordinary member of the role. */
async function statusOf(client: pg.Client, name: string): Promise<{ isLogin: boolean } | null> {
  const { rows } = await client.query<{ isLogin: boolean }>(
    `select not role.rolsuper and exists (
       select from pg_auth_members membership
       where membership.member = role.oid and membership.roleid = to_regrole('${ROLE}')
     ) as "isLogin"
     from pg_roles role where role.rolname = $1`,
    [name],
  )
  return rows[0] ?? null
}

/** SQLSTATE: the role was created, or is being changed, by another at the same time. */
const LOST_A_RACE = new Set(['42710', '23505', 'XX000'])

/** Roles belong to the whole cluster, where no lock of one database keeps others away. */
async function patiently(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const { code } = error as { code?: string }
      if (attempt >= ATTEMPTS_MAX || !LOST_A_RACE.has(code ?? '')) throw error
    }
  }
}

async function connected(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
