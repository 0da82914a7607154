/** What a cell's login may do to the audit log: add to it. And what the cell refuses to run as. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { codeOf } from '../../../regional/platform/database.ts'
import { bossOn } from '../../../regional/platform/jobs.ts'
import { assertServable } from '../../../regional/platform/servable.ts'
import { ensureLogin, grantRights, type Login, urlAs } from '../../../scripts/support/app-role.ts'
import { migrate } from '../../../scripts/support/migrate.ts'
import { ROOT } from '../../../scripts/support/state.ts'
import { asApp } from '../../support/app-login.ts'
import { refusedCell } from '../../support/cell-process.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { type OwnPostgres, startOwnPostgres } from '../../support/own-postgres.ts'
import { testServices } from '../../support/services.ts'

let url: string

beforeAll(async () => {
  url = await cloneDatabase()
})

function newLogin(): Login {
  const name = `login_${randomBytes(4).toString('hex')}`
  return { name, password: randomBytes(24).toString('base64url') }
}

const INSUFFICIENT_PRIVILEGE = '42501'

async function codeAs(login: string, text: string): Promise<string | undefined> {
  return await queryRows(login, text).then(
    () => 'done',
    (error) => codeOf(error),
  )
}

const AS_OWNER = /^The cell’s role may change the audit log: .*npm run migrate -- --login NAME/

/** What a cell says of that login before it starts. */
async function refusalAs(login: string): Promise<string> {
  const services = testServices(url, { config: { DATABASE_URL: login } })
  try {
    return await assertServable(services.db).then(
      () => 'runs',
      (error: Error) => error.message,
    )
  } finally {
    await services.close()
  }
}

describe('a cell’s login', () => {
  test.each(['audit', 'audit_seal'])(
    'may read %s and add to it, and nothing else',
    async (table) => {
      const app = asApp(url)
      const column = table === 'audit' ? 'actor' : 'hash'
      expect(await codeAs(app, `select * from ${table}`)).toBe('done')
      for (const text of [
        `update ${table} set ${column} = 'x'`,
        `delete from ${table}`,
        `truncate ${table}`,
        `alter table ${table} add column x text`,
        `drop table ${table}`,
        `select * from ${table} for update`,
        `insert into ${table} select * from ${table} on conflict (${table === 'audit' ? 'id' : 'n'}) do update set ${column} = 'x'`,
        `create trigger x before insert on ${table} for each row execute function pg_catalog.suppress_redundant_updates_trigger()`,
        `create rule x as on insert to ${table} do instead nothing`,
        `create table x (id uuid references ${table})`,
        `set role tradewind`,
        `grant update on ${table} to current_user`,
      ]) {
        // Granting what one has not is a warning in Postgres, and nothing happens.
        const code = await codeAs(app, text)
        expect([text, code]).toEqual([
          text,
          text.startsWith('grant') ? 'done' : INSUFFICIENT_PRIVILEGE,
        ])
      }
      expect(await codeAs(app, `update ${table} set ${column} = 'x'`)).toBe(INSUFFICIENT_PRIVILEGE)
    },
  )

  test('may read and write every other table, and change none', async () => {
    const rows = await queryRows<{ name: string; rights: string }>(
      url,
      `select table_schema || '.' || table_name as name,
         string_agg(privilege_type, ' ' order by privilege_type) as rights
       from information_schema.role_table_grants where grantee = 'tradewind_app' group by name`,
    )
    const rights = new Map(rows.map((row) => [row.name, row.rights]))
    const tables = await queryRows<{ name: string }>(
      url,
      `select schemaname || '.' || tablename as name from pg_tables
       where schemaname in ('public', 'pgboss', 'drizzle')`,
    )
    expect([...rights.keys()].sort()).toEqual(tables.map(({ name }) => name).sort())
    const other = new Map([
      ['public.audit', 'INSERT SELECT'],
      ['public.audit_seal', 'INSERT SELECT'],
      ['drizzle.__drizzle_migrations', 'SELECT'],
    ])
    for (const [name, has] of rights) {
      expect([name, has]).toEqual([name, other.get(name) ?? 'DELETE INSERT SELECT UPDATE'])
    }
  })

  test('makes the queues of a cell and looks after them', async () => {
    const services = testServices(url)
    const boss = bossOn(services.db)
    const errors: unknown[] = []
    boss.on('error', (error) => errors.push(error))
    await boss.start()
    await boss.createQueue('rights', { deleteAfterSeconds: 1, expireInSeconds: 1 })
    await boss.send('rights', {})
    await boss.fetch('rights')
    await boss.supervise('rights')
    await boss.stop({ graceful: false })
    await services.close()
    expect(errors).toEqual([])
  })
})

describe('the rights', () => {
  test('are what they should be after whatever was granted before', async () => {
    const own = await cloneDatabase()
    const app = asApp(own)
    await queryRows(own, 'grant all on all tables in schema public to tradewind_app, public')
    expect(await codeAs(app, `update audit set actor = 'x'`)).toBe('done')
    await queryRows(own, 'create table later (id int); revoke all on later from public')
    await queryRows(own, 'grant update (actor) on audit to tradewind_app')
    await grantRights(own)
    expect(await codeAs(app, `update audit set actor = 'x'`)).toBe(INSUFFICIENT_PRIVILEGE)
    expect(await codeAs(app, 'truncate later')).toBe(INSUFFICIENT_PRIVILEGE)
    expect(await codeAs(app, 'insert into later values (1)')).toBe('done')
  })

  test('can be set by many at once, in a cluster that has no role yet', async () => {
    const fresh = await startOwnPostgres()
    try {
      await makeBare(fresh)
      const login = newLogin()
      const urls = ['one', 'two', 'three'].map((name) => fresh.urlOf(name))
      await Promise.all(urls.flatMap((each) => [grantRights(each), grantRights(each)]))
      await Promise.all(
        urls.flatMap((each) => [ensureLogin(each, login), ensureLogin(each, login)]),
      )
      for (const each of urls) {
        expect(await codeAs(urlAs(each, login), 'select * from audit')).toBe('done')
      }
    } finally {
      await fresh.close()
    }
  })
})

test('an owner who is no superuser can migrate, and make the login of a cell', async () => {
  const fresh = await startOwnPostgres()
  const { name, password } = newLogin()
  const login = newLogin()
  try {
    const admin = fresh.urlOf('postgres')
    await queryRows(admin, `create role ${name} login createrole password '${password}'`)
    await queryRows(admin, `create database shop owner ${name}`)
    const owner = urlAs(fresh.urlOf('shop'), { name, password })
    await migrate(owner, login)
    await migrate(owner, { ...login, password: newLogin().password })
    await migrate(owner, login)
    expect(await refusalAs(urlAs(owner, login))).toBe('runs')
    expect(await refusalAs(owner)).toMatch(AS_OWNER)
  } finally {
    await fresh.close()
  }
})

/** Three migrated databases, as a release before the role had left them. */
async function makeBare(postgres: OwnPostgres): Promise<void> {
  for (const name of ['one', 'two', 'three']) await postgres.migratedDatabase(name)
  for (const name of ['one', 'two', 'three']) {
    await queryRows(postgres.urlOf(name), 'drop owned by tradewind_app')
  }
  await queryRows(postgres.urlOf('one'), 'drop role tradewind_app')
}

describe('a login', () => {
  test('is made by the migration, and given another password by the next', async () => {
    const login = newLogin()
    await migrate(url, login)
    expect(await codeAs(urlAs(url, login), 'select * from audit')).toBe('done')
    const renewed = { ...login, password: newLogin().password }
    await migrate(url, renewed)
    expect(await codeAs(urlAs(url, renewed), 'select * from audit')).toBe('done')
    expect(await codeAs(urlAs(url, login), 'select 1')).toBe('28P01')
  })

  test('cannot be made of a role that is somebody else’s', async () => {
    const { name, password } = newLogin()
    const { username: owner } = new URL(url)
    await queryRows(url, `create role ${name} login`)
    for (const other of [owner, name, 'tradewind_app', 'pg_monitor']) {
      await expect(ensureLogin(url, { name: other, password })).rejects.toThrow(
        /choose another name/,
      )
    }
    expect(await codeAs(url, 'select 1')).toBe('done')
  })

  test.each(['', 'short', 'has a space in it, and is long', 'ü'.repeat(20)])(
    'has no password like %j',
    async (password) => {
      await expect(ensureLogin(url, { ...newLogin(), password })).rejects.toThrow(/password/)
    },
  )

  test.each(['', 'Upper', 'a-b', `a"; drop table audit; --`, 'x'.repeat(64)])(
    'is not called %j',
    async (name) => {
      await expect(ensureLogin(url, { ...newLogin(), name })).rejects.toThrow(/name/)
    },
  )

  test('is made by the command, whose password comes from the environment or standard input', async () => {
    const run = (login: Login, from: 'environment' | 'input') =>
      spawnSync(process.execPath, ['scripts/migrate.ts', '--login', login.name], {
        cwd: ROOT,
        encoding: 'utf8',
        env: {
          ...process.env,
          DATABASE_URL: url,
          ...(from === 'environment' && { APP_PASSWORD: login.password }),
        },
        input: from === 'input' ? `${login.password}\n` : '',
      })
    for (const from of ['environment', 'input'] as const) {
      const login = newLogin()
      const { status, stdout, stderr } = run(login, from)
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      expect(stdout).toContain(`A cell may connect as ${login.name}.`)
      expect(stdout).not.toContain(login.password)
      expect(await codeAs(urlAs(url, login), 'select * from audit')).toBe('done')
    }
    const refused = run({ ...newLogin(), password: '' }, 'input')
    expect(refused.status).toBe(1)
    expect(refused.stderr).toContain('16 to 256 visible ASCII characters')
  })
})

describe('a cell refuses to run', () => {
  test('as a superuser, and says in one line what to do', async () => {
    const { code, output } = await refusedCell(url, { DATABASE_URL: url })
    expect(code).toBe(1)
    expect(output).toMatch(AS_OWNER)
    expect(output.split('\n')).toHaveLength(1)
  })

  test.each([
    ['a right to update', (name: string) => `grant update on audit to ${name}`],
    ['a right to update a column', (name: string) => `grant update (detail) on audit to ${name}`],
    ['a right to delete', (name: string) => `grant delete on audit to ${name}`],
    ['a right to truncate', (name: string) => `grant truncate on audit_seal to ${name}`],
    ['a right to set triggers', (name: string) => `grant trigger on audit to ${name}`],
    ['the seals', (name: string) => `alter table audit_seal owner to ${name}`],
    ['its schema', (name: string) => `alter schema public owner to ${name}`],
  ])('with %s', async (_, arrange) => {
    const own = await cloneDatabase()
    const login = newLogin()
    await ensureLogin(own, login)
    const app = urlAs(own, login)
    expect(await refusalAs(app)).toBe('runs')
    await queryRows(own, arrange(login.name))
    expect(await refusalAs(app)).toMatch(AS_OWNER)
  })

  test('as somebody who may do too little', async () => {
    const { name, password } = newLogin()
    await queryRows(url, `create role ${name} login password '${password}'`)
    expect(await refusalAs(urlAs(url, { name, password }))).toMatch(
      /^The cell’s role lacks rights: /,
    )
  })

  test('as a login that was not given the newest table', async () => {
    const own = await cloneDatabase()
    await queryRows(own, 'create table newest (id int)')
    expect(await refusalAs(asApp(own))).toMatch(/^The cell’s role lacks rights: /)
    await grantRights(own)
    expect(await refusalAs(asApp(own))).toBe('runs')
  })
})
