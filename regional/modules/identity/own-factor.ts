/** The second factor of a member of the staff: begun, put in force and taken away by themselves. */
import { accountTag } from '../../../shared/principal.ts'
import { Problem } from '../../../shared/problems.ts'
import { asStaff } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'
import { endOtherSessionsOf } from '../../platform/sessions.ts'
import { provenByPassword } from './own-password.ts'
import type { IdentityParts } from './parts.ts'
import {
  confirmSecondFactor,
  type NewFactor,
  passSecondFactor,
  removeSecondFactor,
  setUpSecondFactor,
} from './second-factor.ts'
import type { Caller } from './sign-in.ts'

/** How an authenticator app names whose code it shows. */
const ISSUER = 'Tradewind'

type Asking = Pick<Caller, 'db' | 'actor'>

/** @throws {Problem} `credentials.refused`; `factor.present`. */
export async function beginOwnFactor(
  parts: IdentityParts,
  { db, actor }: Asking,
  { password }: { password: string },
): Promise<NewFactor> {
  const { id: accountId } = asStaff(actor)
  const { factors } = parts
  const proven = await provenByPassword(parts, { db, actor }, password)
  return await db.inTransaction(async (tx) => {
    const owner = { accountId, email: proven.email, issuer: ISSUER }
    const factor = await setUpSecondFactor(tx, factors, owner)
    record(tx, actor, 'second_factor.begun')
    return factor
  })
}

/**
 * Puts the factor in force, and ends the account's tokens: the next may say more than one without a factor did. Its other
 * sessions end too, because none of them has shown the factor.
 *
 * @throws {Problem} `credentials.refused` for a wrong code, or once it is in force; `factor.absent` when none was begun.
 */
export async function confirmOwnFactor(
  tx: Tx,
  { services, factors }: IdentityParts,
  actor: Actor,
  { code }: { code: string },
): Promise<void> {
  const { id: accountId, session: id } = asStaff(actor)
  const attempt = { accountId, code, now: services.clock.now() }
  if (!(await confirmSecondFactor(tx, factors, attempt))) throw new Problem('credentials.refused')
  await endOtherSessionsOf(tx, { id, accountId })
  tx.endTokens(accountTag(accountId))
  record(tx, actor, 'second_factor.confirmed')
}

/**
 * @throws {Problem} `credentials.refused` for a wrong password or code; `limit.exceeded` while the factor is locked;
 *   `factor.absent` when none is in force.
 */
export async function removeOwnFactor(
  parts: IdentityParts,
  { db, actor }: Asking,
  { password, code }: { password: string; code: string },
): Promise<void> {
  const { id: accountId } = asStaff(actor)
  const { services, factors } = parts
  const { twoFactorEnabled } = await provenByPassword(parts, { db, actor }, password)
  if (!twoFactorEnabled) throw new Problem('factor.absent')
  // A refusal is counted, so it must commit: it is thrown afterwards.
  const refusal = await db.inTransaction(async (tx): Promise<Problem | null> => {
    const attempt = { accountId, code, now: services.clock.now() }
    const passed = await passSecondFactor(tx, factors, attempt)
    if (passed.outcome === 'locked') {
      return new Problem('limit.exceeded', { retryAfterSeconds: passed.retryAfterSeconds })
    }
    if (passed.outcome === 'refused') {
      record(tx, actor, 'second_factor.refused')
      return new Problem('credentials.refused')
    }
    await removeSecondFactor(tx, accountId)
    tx.endTokens(accountTag(accountId))
    record(tx, actor, 'second_factor.removed')
    return null
  })
  if (refusal !== null) throw refusal
}

function record(tx: Tx, actor: Actor, action: string): void {
  const { id } = asStaff(actor)
  tx.audit({ actor: id, action, subject: id, requestId: actor.requestId })
}
