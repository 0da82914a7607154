/** Opening an account, and proving its address. What is mailed is asked for by an event, and its link made when it is sent. */
import { Problem } from '../../../shared/problems.ts'
import { codeOf, constraintOf, type Tx } from '../../platform/database.ts'
import type { Actor, RequestDb } from '../../platform/implement.ts'
import { assertPassword } from '../../platform/password-format.ts'
import { claimOrders } from '../orders/index.ts'
import { accountById } from './accounts.ts'
import { accountByPassword } from './credentials.ts'
import { linkAsked } from './events.ts'
import { type IdentityParts, takeTry } from './parts.ts'
import { recordRefusal } from './sign-in.ts'
import { lockProof } from './signed-in.ts'

export interface SignUp {
  email: string
  password: string
  name?: string | undefined
  /** The one that mails to them are in. */
  locale: string | null
}

const UNIQUE_VIOLATION = '23505'

/**
 * Opens a customer's account. Whoever asks is told the same whether the address has one already: its owner is told by mail.
 *
 * @throws {Problem} `request.invalid` for a password that nobody may choose; `limit.exceeded`; `cell.overloaded`.
 */
export async function signUp(
  parts: IdentityParts,
  { db, actor }: { db: RequestDb; actor: Actor },
  input: SignUp,
): Promise<void> {
  const { services, libraries } = parts
  const { password, name = null, locale } = input
  assertPassword(password, '/password')
  takeTry(parts, 'recovery', `customer ${input.email}`)
  const passwordHash = await services.passwords.hash(password)
  const email = input.email.toLowerCase()
  const open = () =>
    db.inTransaction(async (tx) => {
      const account = { email, name, locale, passwordHash }
      const { accountId, isNew } = await libraries.customer.signUp(tx, account)
      const purpose = isNew ? 'verify' : 'exists'
      tx.publish(linkAsked({ purpose, kind: 'customer', email }))
      if (isNew) {
        const { requestId } = actor
        tx.audit({ actor: accountId, action: 'account.opened', subject: accountId, requestId })
      }
    })
  // Of two at once the second finds the first's account.
  await open().catch((error: unknown) => {
    if (!isTaken(error)) throw error
    return open()
  })
}

function isTaken(error: unknown): boolean {
  return codeOf(error) === UNIQUE_VIOLATION && constraintOf(error) === 'account_email'
}

/**
 * Proves an address by its link and the account's password, and claims for its customer what was ordered with it as a
 * guest. The link alone would prove for whoever signed up that the address is theirs, though another reads its mail.
 *
 * @throws {Problem} `link.refused`; `credentials.refused`; `limit.exceeded`; `cell.overloaded`.
 */
export async function verifyEmail(
  parts: IdentityParts,
  { db, actor }: { db: RequestDb; actor: Actor },
  { token, password }: { token: string; password: string },
): Promise<void> {
  const library = parts.libraries.customer
  const email = await library.emailIn(token, parts.services.clock.now())
  // Apart from those of signing in: only who has the link can try.
  takeTry(parts, 'sign-in', `link ${email}`)
  const proven = await accountByPassword(parts.services, { kind: 'customer', email, password })
  if (proven === null) {
    await db.inTransaction(async (tx) => recordRefusal(tx, actor, 'customer'))
    throw new Problem('credentials.refused')
  }
  const { id: accountId, passwordHash } = proven
  await db.inTransaction(async (tx) => {
    await lockProof(tx, { accountId, passwordHash })
    if ((await library.verifyEmail(tx, token)) === null) return
    await claimForCustomer(tx, accountId)
    const { requestId } = actor
    tx.audit({ actor: accountId, action: 'account.verified', subject: accountId, requestId })
  })
}

/** What a guest ordered with the customer's proved address is the customer's. */
export async function claimForCustomer(tx: Tx, customerId: string): Promise<void> {
  const account = await accountById(tx, customerId)
  if (account === null || account.email === null || !account.emailVerified) {
    throw new Problem('link.refused')
  }
  await claimOrders(tx, { customerId, email: account.email })
}
