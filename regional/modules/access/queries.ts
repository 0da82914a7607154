/** Reads and writes of roles and grants. Who may write them is the staff module's to decide. */
import { sql } from 'drizzle-orm'
import type { Grants, Scope } from '../../../shared/principal.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import { OWNER } from './built-in-roles.ts'
import { type Grant, type HeldGrant, knownScopes, mergedGrants } from './grants.ts'
import { role as roleTable } from './schema.ts'

export interface StoredRole {
  readonly name: string
  readonly title: string
  readonly scopes: readonly Scope[]
  readonly builtIn: boolean
}

type RoleRow = Omit<StoredRole, 'scopes'> & { scopes: string[] }

const lockOwnerRole = statement<{ owner: string }, unknown>(
  'access_lock',
  sql`select from role where name = ${value('owner')} for no key update`,
)

/**
 * Makes whoever changes roles, grants, or whether somebody of the staff is active wait for each other, so that what is
 * decided by one of these holds until it is committed. It is the first lock that such a write takes.
 */
export async function lockGrants(tx: Tx): Promise<void> {
  await tx.run(lockOwnerRole, { owner: OWNER })
}

const selectRoles = statement<{ names: string[] | null }, RoleRow>(
  'access_roles',
  sql`select name, title, scopes, built_in as "builtIn" from role
    where ${value('names')}::text[] is null or name = any(${value('names')}::text[])
    order by built_in desc, name`,
)

/** Roles by name, the built-in ones first; all of them when none are named. */
export async function roles(
  runner: Runner,
  names: readonly string[] | null = null,
): Promise<StoredRole[]> {
  const rows = await runner.run(selectRoles, { names: names === null ? null : [...names] })
  return rows.map((row) => ({ ...row, scopes: knownScopes(row.scopes) }))
}

/** Creates a role, or gives one that is not built in another title and other scopes. */
export async function saveRole(tx: Tx, saved: Omit<StoredRole, 'builtIn'>): Promise<void> {
  const { name, title } = saved
  const scopes = [...saved.scopes]
  await tx.query
    .insert(roleTable)
    .values({ name, title, scopes })
    .onConflictDoUpdate({ target: roleTable.name, set: { title, scopes } })
}

const deleteRole = statement<{ name: string }, unknown>(
  'access_role_delete',
  sql`delete from role where name = ${value('name')} and not built_in`,
)

export async function removeRole(tx: Tx, name: string): Promise<void> {
  await tx.run(deleteRole, { name })
}

const selectHolders = statement<{ role: string }, { id: string }>(
  'access_holders',
  sql`select distinct account_id as id from staff_grant where role = ${value('role')}
    order by account_id`,
)

/** Everybody who has a role, wherever it is valid. */
export async function holdersOf(runner: Runner, role: string): Promise<string[]> {
  return (await runner.run(selectHolders, { role })).map(({ id }) => id)
}

const selectHeld = statement<{ ids: string[] }, Grant & { accountId: string; scopes: string[] }>(
  'access_held',
  sql`select held.account_id as "accountId", held.role, held.cell, held.channel, role.scopes
    from staff_grant held join role on role.name = held.role
    where held.account_id = any(${value('ids')}::text[])`,
)

/** The grants of each account, also those for other cells; an account without any is left out. */
export async function heldGrants(
  runner: Runner,
  accountIds: readonly string[],
): Promise<Map<string, HeldGrant[]>> {
  const held = new Map<string, HeldGrant[]>()
  for (const row of await runner.run(selectHeld, { ids: [...accountIds] })) {
    const { accountId, scopes, ...grant } = row
    const grants = held.get(accountId) ?? []
    grants.push({ ...grant, scopes: knownScopes(scopes) })
    held.set(accountId, grants)
  }
  return held
}

/**
 * What an account may do in a cell: what its next token says. Read the stamp of that token first, or with it: a change of
 * grants ends the tokens that were stamped before it.
 */
export async function grantsOf(
  runner: Runner,
  { accountId, cell }: { accountId: string; cell: string },
): Promise<Grants> {
  const held = await heldGrants(runner, [accountId])
  return mergedGrants(held.get(accountId) ?? [], cell)
}

const selectOwners = statement<{ owner: string; cell: string }, { id: string }>(
  'access_owners',
  sql`select distinct account_id as id from staff_grant
    where role = ${value('owner')} and (cell is null or cell = ${value('cell')})`,
)

/** Who has the owner's role in a cell, active or not. */
export async function ownersOf(runner: Runner, cell: string): Promise<string[]> {
  return (await runner.run(selectOwners, { owner: OWNER, cell })).map(({ id }) => id)
}

interface ListedGrants extends Record<string, unknown> {
  accountId: string
  roles: string[]
  cells: (string | null)[]
  channels: (string | null)[]
}

const listed = sql`unnest(${value('roles')}::text[], ${value('cells')}::text[],
    ${value('channels')}::text[]) as listed(role, cell, channel)`

const deleteGrants = statement<ListedGrants, unknown>(
  'access_grants_delete',
  sql`delete from staff_grant held using ${listed}
    where held.account_id = ${value('accountId')} and held.role = listed.role
      and held.cell is not distinct from listed.cell
      and held.channel is not distinct from listed.channel`,
)

const insertGrants = statement<ListedGrants & { grantedBy: string }, unknown>(
  'access_grants_insert',
  sql`insert into staff_grant (account_id, role, cell, channel, granted_by)
    select ${value('accountId')}, role, cell, channel, ${value('grantedBy')} from ${listed}`,
)

export interface GrantChange {
  readonly removed: readonly Grant[]
  readonly added: readonly Grant[]
}

/** Takes grants from an account and gives it others. Their roles must be there. */
export async function changeGrants(
  tx: Tx,
  change: GrantChange & { accountId: string; grantedBy: string },
): Promise<void> {
  const { accountId, removed, added, grantedBy } = change
  if (removed.length > 0) await tx.run(deleteGrants, { accountId, ...columnsOf(removed) })
  if (added.length > 0) await tx.run(insertGrants, { accountId, ...columnsOf(added), grantedBy })
}

function columnsOf(grants: readonly Grant[]) {
  return {
    roles: grants.map(({ role }) => role),
    cells: grants.map(({ cell }) => cell),
    channels: grants.map(({ channel }) => channel),
  }
}
