/** Asks whoever is signed in for their password again, before a change that matters: a token may be somebody else's. */
import { Problem } from '../../../shared/problems.ts'
import { asAccount } from '../../platform/access.ts'
import type { Services } from '../../platform/implement.ts'
import { accountByOwnPassword, type ProvenAccount } from './credentials.ts'
import { type IdentityParts, identityParts, takeTry } from './parts.ts'
import type { Caller } from './sign-in.ts'

/** @throws {Problem} `credentials.refused`, which is recorded; `limit.exceeded`; `cell.overloaded`. */
export async function provenByPassword(
  parts: IdentityParts,
  { db, actor }: Pick<Caller, 'db' | 'actor'>,
  password: string,
): Promise<ProvenAccount> {
  const { id: accountId } = asAccount(actor)
  takeTry(parts, 'sign-in', accountId)
  const proven = await accountByOwnPassword(parts.services, { accountId, password })
  if (proven !== null) return proven
  const { requestId } = actor
  await db.inTransaction(async (tx) =>
    tx.audit({ actor: accountId, action: 'password.refused', subject: accountId, requestId }),
  )
  throw new Problem('credentials.refused')
}

/** Likewise, for other modules' changes that matter. */
export async function assertOwnPassword(
  services: Services,
  caller: Pick<Caller, 'db' | 'actor'>,
  password: string,
): Promise<void> {
  await provenByPassword(identityParts(services), caller, password)
}
