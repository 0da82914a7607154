/** Has a link mailed, to whoever the address belongs to. */
import type { RequestDb } from '../../platform/implement.ts'
import { type LinkAsked, linkAsked } from './events.ts'
import { type IdentityParts, takeTry } from './parts.ts'

/** @throws {Problem} `limit.exceeded`, whether or not the address has an account. */
export async function askForLink(
  parts: IdentityParts,
  db: RequestDb,
  asked: LinkAsked,
): Promise<void> {
  takeTry(parts, 'recovery', `${asked.kind} ${asked.email}`)
  await db.inTransaction(async (tx) => tx.publish(linkAsked(asked)))
}
