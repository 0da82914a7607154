/** Invitations: what is kept of them, and of their tokens the hash alone. */

import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { INVITATION_HOURS, type Invitation } from '../../../shared/contracts/staff.ts'
import { newCellId } from '../../../shared/ids.ts'
import { Problem } from '../../../shared/problems.ts'
import { assertScope } from '../../platform/access.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import { digestOf } from '../../platform/digest.ts'
import type { Actor } from '../../platform/implement.ts'
import { pageOf } from '../../platform/page.ts'
import { momentText, statement, value } from '../../platform/statement.ts'
import type { Grant } from '../access/index.ts'

const TOKEN_BYTES = 32

const columns = sql`id, email, name, grants, invited_by as "invitedBy",
  ${momentText(sql`created_at`)} as "createdAt", ${momentText(sql`expires_at`)} as "expiresAt"`
const isOpen = sql`expires_at > now()`

interface NewInvitation extends Record<string, unknown> {
  email: string
  name: string | null
  grants: readonly Grant[]
  /** An account, or `operator`. */
  invitedBy: string
}

const insertInvitation = statement<Record<string, unknown>, Invitation>(
  'invitation_create',
  sql`insert into staff_invitation
      (id, email, name, grants, token_hash, invited_by, expires_at)
    values (${value('id')}, ${value('email')}, ${value('name')}, ${value('grants')}::jsonb,
      ${value('tokenHash')}, ${value('invitedBy')},
      now() + make_interval(hours => ${value('hours')}::int))
    returning ${columns}`,
)

/** Makes an invitation, and the token that accepts it: it is in no row, so whoever is told it now is told it for good. */
export async function writeInvitation(
  tx: Tx,
  cell: string,
  input: NewInvitation,
): Promise<{ invitation: Invitation; token: string }> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const { grants, ...rest } = input
  const [invitation] = await tx.run(insertInvitation, {
    ...rest,
    email: input.email.toLowerCase(),
    grants: JSON.stringify(grants),
    id: newCellId('inv', cell),
    tokenHash: digestOf(token),
    hours: INVITATION_HOURS,
  })
  return { invitation: invitation!, token }
}

const selectOpen = statement<{ tokenHash: string }, unknown>(
  'invitation_open',
  sql`select 1 from staff_invitation where token_hash = ${value('tokenHash')} and ${isOpen}`,
)

/**
 * Asked before a password is hashed for a token.
 *
 * @throws {Problem} `link.refused` unless the token is one of an open invitation.
 */
export async function assertInvited(runner: Runner, token: string): Promise<void> {
  const rows = await runner.run(selectOpen, { tokenHash: digestOf(token) })
  if (rows.length === 0) throw new Problem('link.refused')
}

const deleteByToken = statement<{ tokenHash: string }, Invitation>(
  'invitation_take',
  sql`delete from staff_invitation where token_hash = ${value('tokenHash')} and ${isOpen}
    returning ${columns}`,
)

/** Takes the invitation that a token accepts. @throws {Problem} `link.refused`. */
export async function takeInvitation(tx: Tx, token: string): Promise<Invitation> {
  const [invitation] = await tx.run(deleteByToken, { tokenHash: digestOf(token) })
  if (invitation === undefined) throw new Problem('link.refused')
  return invitation
}

const deleteById = statement<{ id: string }, Invitation>(
  'invitation_delete',
  sql`delete from staff_invitation where id = ${value('id')} and ${isOpen} returning ${columns}`,
)

/** @returns the invitation as it was, or `null` when it is not open. */
export async function removeInvitation(tx: Tx, id: string): Promise<Invitation | null> {
  return (await tx.run(deleteById, { id }))[0] ?? null
}

const deleteByEmail = statement<{ email: string }, Invitation & { isOpen: boolean }>(
  'invitation_replace',
  sql`delete from staff_invitation where email = ${value('email')}
    returning ${columns}, ${isOpen} as "isOpen"`,
)

/** Removes what an address was invited to before. @returns the invitation that was open, if any. */
export async function removeEarlier(tx: Tx, email: string): Promise<Invitation | null> {
  const [earlier] = await tx.run(deleteByEmail, { email: email.toLowerCase() })
  return earlier?.isOpen === true ? earlier : null
}

const selectRole = statement<{ role: string }, unknown>(
  'invitation_of_role',
  sql`select 1 from staff_invitation
    where ${isOpen} and grants @> jsonb_build_array(jsonb_build_object('role', ${value('role')}::text))
    limit 1`,
)

/** Whether somebody is invited to a role. */
export async function isRoleInvited(runner: Runner, role: string): Promise<boolean> {
  return (await runner.run(selectRole, { role })).length > 0
}

const selectPage = statement<{ after: string; limit: number }, Invitation>(
  'invitation_page',
  sql`select ${columns} from staff_invitation where id > ${value('after')} and ${isOpen}
    order by id limit ${value('limit')}::int`,
)

/** A page of open invitations, oldest first. */
export async function invitationPage(
  runner: Runner,
  actor: Actor,
  { limit, after = '' }: { limit: number; after?: string | undefined },
): Promise<{ items: Invitation[]; next: string | null }> {
  assertScope(actor, 'staff:read')
  const rows = await runner.run(selectPage, { after, limit: limit + 1 })
  return pageOf(rows, limit, ({ id }) => id)
}

const deleteLapsed = statement<Record<string, never>, unknown>(
  'invitation_prune',
  sql`delete from staff_invitation where not (${isOpen})`,
)

/** An address that did not answer is not kept. */
export async function pruneInvitations(runner: Runner): Promise<void> {
  await runner.run(deleteLapsed, {})
}
