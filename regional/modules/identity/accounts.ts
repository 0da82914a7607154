/** Reads and writes of accounts, whatever their kind. */
import { sql } from 'drizzle-orm'
import type { Runner, Tx } from '../../platform/database.ts'
import { momentText, statement, value } from '../../platform/statement.ts'
import type { AccountKind } from './library-adapter.ts'

export interface Account {
  id: string
  kind: AccountKind
  /** Null once the person was erased. */
  email: string | null
  emailVerified: boolean
  name: string | null
  status: 'active' | 'deactivated' | 'erased'
  group: string | null
  locale: string | null
  twoFactorEnabled: boolean
  createdAt: string
}

const columns = sql`id, kind, email, email_verified as "emailVerified", name, status,
  customer_group as "group", locale, two_factor_enabled as "twoFactorEnabled",
  ${momentText(sql`created_at`)} as "createdAt"`

const selectById = statement<{ id: string }, Account>(
  'account_by_id',
  sql`select ${columns} from account where id = ${value('id')}`,
)

export async function accountById(runner: Runner, id: string): Promise<Account | null> {
  return (await runner.run(selectById, { id }))[0] ?? null
}

const selectByEmail = statement<{ kind: string; email: string }, Account>(
  'account_by_email',
  sql`select ${columns} from account
    where kind = ${value('kind')} and email = ${value('email')}`,
)

/** @param named.email in whatever case. */
export async function accountByEmail(
  runner: Runner,
  { kind, email }: { kind: AccountKind; email: string },
): Promise<Account | null> {
  return (await runner.run(selectByEmail, { kind, email: email.toLowerCase() }))[0] ?? null
}

interface Profile extends Record<string, unknown> {
  id: string
  setsName: boolean
  name: string | null
  setsLocale: boolean
  locale: string | null
}

const updateProfile = statement<Profile, unknown>(
  'account_profile',
  sql`update account set updated_at = now(),
      name = case when ${value('setsName')}::boolean then ${value('name')} else name end,
      locale = case when ${value('setsLocale')}::boolean then ${value('locale')} else locale end
    where id = ${value('id')} and status = 'active'`,
)

/** Sets what is named; what is left out stays. */
export async function setProfile(
  tx: Tx,
  id: string,
  { name, locale }: { name?: string | null | undefined; locale?: string | null | undefined },
): Promise<void> {
  await tx.run(updateProfile, {
    id,
    setsName: name !== undefined,
    name: name ?? null,
    setsLocale: locale !== undefined,
    locale: locale ?? null,
  })
}
