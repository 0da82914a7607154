/**
 * Whether somebody knows an account's password. Every answer of no costs the same: an unknown address, a closed account
 * and a wrong password are told apart neither by words nor by time.
 *
 * None of this runs in a transaction, because hashing takes long.
 */
import { sql } from 'drizzle-orm'
import { Problem } from '../../../shared/problems.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import type { PasswordHasher, Turn } from '../../platform/passwords.ts'
import { statement, value } from '../../platform/statement.ts'
import type { AccountKind } from './library-adapter.ts'

/** Who proved to know the password of an active account. */
export interface ProvenAccount {
  id: string
  email: string
  emailVerified: boolean
  name: string | null
  group: string | null
  locale: string | null
  twoFactorEnabled: boolean
  /** The hash that was compared with; a change of the password names it, so that of two at once one fails. */
  passwordHash: string
  /** A hash at today's cost, for `replacePassword`, when the stored one has cost less. */
  rehashed: string | null
}

type StoredAccount = Omit<ProvenAccount, 'rehashed'>

const columns = sql`account.id, account.email, account.email_verified as "emailVerified",
  account.name, account.customer_group as "group", account.locale,
  account.two_factor_enabled as "twoFactorEnabled", credential.password as "passwordHash"`

const withPassword = sql`account join credential
  on credential.account_id = account.id and credential.provider = 'credential'
    and credential.password is not null and account.status = 'active'`

const selectByEmail = statement<{ kind: string; email: string }, StoredAccount>(
  'account_by_email_with_password',
  sql`
  select ${columns} from ${withPassword}
  where account.kind = ${value('kind')} and account.email = ${value('email')}`,
)

const selectById = statement<{ id: string }, StoredAccount>(
  'account_by_id_with_password',
  sql`select ${columns} from ${withPassword} where account.id = ${value('id')}`,
)

interface Hashed {
  readonly db: Runner
  readonly passwords: PasswordHasher
}

/**
 * The active account with this address and password, or `null`.
 *
 * @throws {Problem} `cell.overloaded` when too many ask; it says when to come back.
 */
export async function accountByPassword(
  services: Hashed,
  claim: { kind: AccountKind; email: string; password: string },
): Promise<ProvenAccount | null> {
  const { kind, email, password } = claim
  return await services.passwords.inTurn(async (turn) => {
    const [found] = await services.db.run(selectByEmail, { kind, email: email.toLowerCase() })
    return await proven(services.passwords, found, { password, turn })
  })
}

/** The active account with this id, if the password is its own: asked again before a change that matters. */
export async function accountByOwnPassword(
  services: Hashed,
  claim: { accountId: string; password: string },
): Promise<ProvenAccount | null> {
  const { accountId: id, password } = claim
  return await services.passwords.inTurn(async (turn) => {
    const [found] = await services.db.run(selectById, { id })
    return await proven(services.passwords, found, { password, turn })
  })
}

async function proven(
  passwords: PasswordHasher,
  found: StoredAccount | undefined,
  { password, turn }: { password: string; turn: Turn },
): Promise<ProvenAccount | null> {
  if (found === undefined) {
    await passwords.verifyNothing(password, turn)
    return null
  }
  const { matches, needsRehash } = await passwords.verify(password, found.passwordHash, turn)
  if (!matches) return null
  return { ...found, rehashed: needsRehash ? await rehash(passwords, password) : null }
}

/** It can wait until the next time, so who has signed in is not refused because of it. */
async function rehash(passwords: PasswordHasher, password: string): Promise<string | null> {
  try {
    return await passwords.hash(password)
  } catch (error) {
    if (error instanceof Problem) return null
    throw error
  }
}

const updatePassword = statement<
  { accountId: string; was: string; becomes: string },
  { accountId: string }
>(
  'credential_replace_password',
  sql`
  update credential set password = ${value('becomes')}, updated_at = now()
  where account_id = ${value('accountId')} and provider = 'credential'
    and password = ${value('was')}
  returning account_id as "accountId"`,
)

/**
 * Replaces a password's hash by another. Sessions and links are for the caller to end.
 *
 * @returns false, with nothing done, when it is no longer the one that was compared with.
 */
export async function replacePassword(
  tx: Tx,
  change: { accountId: string; was: string; becomes: string },
): Promise<boolean> {
  return (await tx.run(updatePassword, change)).length === 1
}

const deleteLinks = statement<{ accountId: string }, unknown>(
  'account_void_links',
  sql`delete from verification where value = ${value('accountId')}`,
)

/** Ends what was mailed or asked under the password before: links that would set another, and sign-ins half done. */
export async function voidLinks(tx: Tx, accountId: string): Promise<void> {
  await tx.run(deleteLinks, { accountId })
}
