/** Accounts for tests, made as the product makes them but for their proof of an address. */

import type { Services } from '../../regional/platform/implement.ts'
import { createClient } from '../../shared/client/create-client.ts'
import type { SignedIn } from '../../shared/contracts/identity.ts'
import { newCellId } from '../../shared/ids.ts'
import { queryRows } from './database.ts'

export interface TestAccount {
  readonly id: string
  readonly kind: 'customer' | 'staff'
  readonly email: string
  readonly password: string
}

const PASSWORD = 'correct horse battery staple'
let hash: Promise<string> | undefined

/** @param options.roles of staff, in every cell and channel. */
export async function openAccount(
  services: Services,
  url: string,
  options: { kind: TestAccount['kind']; roles?: readonly string[] },
): Promise<TestAccount> {
  const { kind, roles = [] } = options
  hash ??= services.passwords.hash(PASSWORD)
  const id = newCellId(kind === 'staff' ? 'stf' : 'cus', 'eu')
  const email = `${id.slice(-12)}@shoppers.test`
  await queryRows(
    url,
    `with opened as (
      insert into account (id, kind, email, email_verified) values ($1, $2, $3, true)
      returning id
    ),
    granted as (
      insert into staff_grant (account_id, role, granted_by)
      select $1, role, 'test' from unnest($4::text[]) as role
    )
    insert into credential (id, account_id, provider, subject, password)
    select gen_random_uuid()::text, $1, 'credential', $1, $5 from opened`,
    [id, kind, email, [...roles], await hash],
  )
  return { id, kind, email, password: PASSWORD }
}

/** @throws {Error} when a second factor is asked for. */
export async function signInAt(baseUrl: string, account: TestAccount): Promise<SignedIn> {
  const { email, password, kind } = account
  const client = createClient({ baseUrl, retries: { attemptsMax: 1 } })
  const signedIn = await client.identity.signIn({ body: { email, password, kind } })
  if (signedIn.status === 'signed_in') return signedIn
  throw new Error('a second factor is needed')
}
