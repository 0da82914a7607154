/** The audit row of a write about a customer. */
import { actorName } from '../../platform/access.ts'
import type { Tx } from '../../platform/database.ts'
import type { Actor } from '../../platform/implement.ts'

/** @param entry.detail such as before and after: never what names or describes the person. */
export function audited(
  tx: Tx,
  actor: Actor,
  entry: { action: string; subject: string; detail?: Record<string, unknown> },
): void {
  tx.audit({ actor: actorName(actor), requestId: actor.requestId, ...entry })
}
