/** What becomes of a session: it is renewed, looked at, and ended. */
import type { SignedIn } from '../../../shared/contracts/identity.ts'
import { Problem } from '../../../shared/problems.ts'
import { actorName, asAccount } from '../../platform/access.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import type { Actor, RequestDb } from '../../platform/implement.ts'
import { endOtherSessionsOf, endSession, sessionsOf, useSession } from '../../platform/sessions.ts'
import { type IdentityParts, takeTry } from './parts.ts'
import { rotate, sessionIn } from './refresh-tokens.ts'
import { claimsOfSession, type Grant, signedIn } from './signed-in.ts'

const SESSIONS_SHOWN_MAX = 100

/**
 * The next tokens of a session. A refresh token that somebody used before ends it: one of the two who have it must not.
 *
 * @throws {Problem} `refresh.refused`, the same for a session that ended and one that never was.
 */
export async function refreshSession(
  parts: IdentityParts,
  { db, actor }: { db: RequestDb; actor: Actor },
  refreshToken: string,
): Promise<SignedIn> {
  const { services, refreshKey: key } = parts
  const id = sessionIn(refreshToken)
  if (id === null) throw new Problem('refresh.refused')
  takeTry(parts, 'token', id)
  // Ending the session must commit, so the refusal is thrown afterwards.
  const end = await db.inTransaction(async (tx): Promise<Grant | null> => {
    // First, as whatever else touches a session's tokens does: its row is their lock.
    const accountId = await useSession(tx, id)
    if (accountId === null) return null
    const rotated = await rotate(tx, { token: refreshToken, sessionId: id, key })
    // Thrown here, so that who knows the session's name alone has not prolonged it.
    if (rotated.outcome === 'unknown') throw new Problem('refresh.refused')
    if (rotated.outcome === 'reused') {
      await endSession(tx, { id })
      const { requestId } = actor
      tx.audit({ actor: accountId, action: 'session.reused', subject: id, requestId })
      return null
    }
    const claims = await claimsOfSession(tx, services, { id, accountId })
    return { claims, refreshToken: rotated.next, cartId: null }
  })
  if (end === null) throw new Problem('refresh.refused')
  return await signedIn(services, end)
}

/** Ends the caller's own session. Once is as good as twice. */
export async function signOut(tx: Tx, actor: Actor): Promise<void> {
  const { id: accountId, session: id } = asAccount(actor)
  if ((await endSession(tx, { id, accountId })) !== null) record(tx, actor, 'session.ended', id)
}

/** @throws {Problem} `session.unknown` for one that is not the caller's. */
export async function endOwnSession(tx: Tx, actor: Actor, id: string): Promise<void> {
  const { id: accountId } = asAccount(actor)
  if ((await endSession(tx, { id, accountId })) === null) throw new Problem('session.unknown')
  record(tx, actor, 'session.ended', id)
}

/** Ends all of the caller's sessions but the one that asks. */
export async function endOtherSessions(tx: Tx, actor: Actor): Promise<void> {
  const { id: accountId, session: id } = asAccount(actor)
  await endOtherSessionsOf(tx, { id, accountId })
  record(tx, actor, 'session.others_ended', id)
}

/** Where the caller is signed in, the sessions used last first. */
export async function ownSessions(runner: Runner, actor: Actor) {
  const { id: accountId, session } = asAccount(actor)
  const items = await sessionsOf(runner, { accountId, limit: SESSIONS_SHOWN_MAX })
  return {
    items: items.map(({ id, userAgent, createdAt, usedAt }) => ({
      id,
      current: id === session,
      device: userAgent,
      createdAt,
      lastUsedAt: usedAt,
    })),
  }
}

function record(tx: Tx, actor: Actor, action: string, subject: string): void {
  tx.audit({ actor: actorName(actor), action, subject, requestId: actor.requestId })
}
