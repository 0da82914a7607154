/** Setting a new password: by a link for who has forgotten it, by the old one for who has not. */
import type { SignedIn } from '../../../shared/contracts/identity.ts'
import { accountTag } from '../../../shared/principal.ts'
import { Problem } from '../../../shared/problems.ts'
import { asAccount } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { assertPassword } from '../../platform/password-format.ts'
import { endOtherSessionsOf, endSessionsOf, useSession } from '../../platform/sessions.ts'
import { emailRequested } from '../notifications/index.ts'
import { accountById } from './accounts.ts'
import { replacePassword, voidLinks } from './credentials.ts'
import type { AccountLibrary } from './library.ts'
import { provenByPassword } from './own-password.ts'
import type { IdentityParts } from './parts.ts'
import { firstRefreshToken, forgetRefreshTokens } from './refresh-tokens.ts'
import type { Caller } from './sign-in.ts'
import { claimForCustomer } from './sign-up.ts'
import { claimsOfSession, signedIn } from './signed-in.ts'

/**
 * Sets a password by a mailed link, once, and ends every session of the account: whoever asked for it may have done so
 * because somebody else is signed in.
 *
 * @throws {Problem} `link.refused`; `request.invalid` for a password that nobody may choose.
 */
export async function resetPassword(
  parts: IdentityParts,
  { db, actor }: Pick<Caller, 'db' | 'actor'>,
  { token, password }: { token: string; password: string },
): Promise<void> {
  assertPassword(password, '/password')
  const library = await libraryOf(parts, db, token)
  const passwordHash = await parts.services.passwords.hash(password)
  await db.inTransaction(async (tx) => {
    const { accountId } = await library.resetPassword(tx, token, passwordHash)
    await endSessionsOf(tx, accountId)
    // Who could read the mail has the address.
    if (library === parts.libraries.customer) await claimForCustomer(tx, accountId)
    await tellChanged(tx, accountId)
    const { requestId } = actor
    tx.audit({ actor: accountId, action: 'password.reset', subject: accountId, requestId })
  })
}

/** The realm that a link is of: it opens nothing in the other. */
async function libraryOf(
  { libraries, services }: IdentityParts,
  db: Caller['db'],
  token: string,
): Promise<AccountLibrary> {
  const now = services.clock.now()
  const isCustomers = await libraries.customer.assertResetToken(db, token, now).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Problem) return false
      throw error
    },
  )
  if (isCustomers) return libraries.customer
  await libraries.staff.assertResetToken(db, token, now)
  return libraries.staff
}

/**
 * Changes the caller's password and ends every other session of theirs.
 *
 * @returns the tokens of this session: its earlier ones end with the others.
 * @throws {Problem} `credentials.refused` for a wrong password, also when another change came first; `token.refused` when
 *   the session ended meanwhile.
 */
export async function changePassword(
  parts: IdentityParts,
  { db, actor }: Pick<Caller, 'db' | 'actor'>,
  { current, password }: { current: string; password: string },
): Promise<SignedIn> {
  const { services } = parts
  const { id: accountId, session: id } = asAccount(actor)
  assertPassword(password, '/password')
  const proven = await provenByPassword(parts, { db, actor }, current)
  const becomes = await services.passwords.hash(password)
  await db.inTransaction(async (tx) => {
    const change = { accountId, was: proven.passwordHash, becomes }
    if (!(await replacePassword(tx, change))) throw new Problem('credentials.refused')
    await voidLinks(tx, accountId)
    // Locked before its tokens are deleted: a refresh that runs now adds no other to them.
    await assertStands(tx, id)
    await forgetRefreshTokens(tx, id)
    await endOtherSessionsOf(tx, { id, accountId })
    tx.endTokens(accountTag(accountId))
    await tellChanged(tx, accountId)
    recordChange(tx, actor, accountId)
  })
  // After the commit: a token that names the state before it would have ended with the others.
  const grant = await db.inTransaction(async (tx) => {
    await assertStands(tx, id)
    const claims = await claimsOfSession(tx, services, { id, accountId })
    return { refreshToken: await firstRefreshToken(tx, id), claims, cartId: null }
  })
  return await signedIn(services, grant)
}

/** @throws {Problem} `token.refused` when the caller's own session has ended meanwhile. */
async function assertStands(tx: Tx, sessionId: string): Promise<void> {
  if ((await useSession(tx, sessionId)) === null) throw new Problem('token.refused')
}

async function tellChanged(tx: Tx, accountId: string): Promise<void> {
  const account = await accountById(tx, accountId)
  if (account?.email == null) return
  const { email: to, locale, name, kind: audience } = account
  const request = { to, locale, audience, template: 'password-changed' as const, data: { name } }
  tx.publish(emailRequested(request))
}

function recordChange(tx: Tx, { requestId }: Actor, accountId: string): void {
  tx.audit({ actor: accountId, action: 'password.changed', subject: accountId, requestId })
}
