/** The members of the staff, with their roles. */
import type { StaffMember } from '../../../shared/contracts/staff.ts'
import { Problem } from '../../../shared/problems.ts'
import { assertScope } from '../../platform/access.ts'
import type { Runner } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { pageOf } from '../../platform/page.ts'
import { distinctGrants, type HeldGrant, heldGrants } from '../access/index.ts'
import { type StaffAccount, staffAccountById, staffAccounts } from '../identity/index.ts'

export interface KnownMember {
  readonly account: StaffAccount
  readonly held: readonly HeldGrant[]
}

/** @throws {Problem} `account.unknown`. */
export async function knownMember(runner: Runner, accountId: string): Promise<KnownMember> {
  const account = await staffAccountById(runner, accountId)
  if (account === null) throw new Problem('account.unknown')
  const held = (await heldGrants(runner, [accountId])).get(accountId) ?? []
  return { account, held }
}

export function memberDocument({ account, held }: KnownMember): StaffMember {
  const grants = held.map(({ role, cell, channel }) => ({ role, cell, channel }))
  return { ...account, grants: distinctGrants(grants) }
}

/** @throws {Problem} `account.unknown`. */
export async function member(
  runner: Runner,
  actor: Actor,
  accountId: string,
): Promise<StaffMember> {
  assertScope(actor, 'staff:read')
  return memberDocument(await knownMember(runner, accountId))
}

/** Before every id of staff, and behind those of customers, who are many. */
const FIRST = 'stf_'

/** A page of members, by id, which is when they joined. */
export async function memberPage(
  runner: Runner,
  actor: Actor,
  { limit, after = FIRST }: { limit: number; after?: string | undefined },
): Promise<{ items: StaffMember[]; next: string | null }> {
  assertScope(actor, 'staff:read')
  const accounts = await staffAccounts(runner, { after, limit: limit + 1 })
  const page = pageOf(accounts, limit, ({ id }) => id)
  const held = await heldGrants(
    runner,
    page.items.map(({ id }) => id),
  )
  const items = page.items.map((account) =>
    memberDocument({ account, held: held.get(account.id) ?? [] }),
  )
  return { ...page, items }
}
