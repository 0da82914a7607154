/** Records that somebody of the staff was refused. */
import { actorName } from './access.ts'
import { reasonOf } from './database-errors.ts'
import type { Incoming, Route, Services } from './implement.ts'

/**
 * Writes a refusal in a transaction of its own: the verb's was rolled back. The caller is refused whether or not it can
 * be written, so a failure is an error in the log.
 */
export async function auditRefusal(
  route: Route,
  { db, log }: Services,
  incoming: Incoming,
): Promise<void> {
  const { actor } = incoming
  const { requestId } = actor
  const subject = [route.id, ...idsOf(route, incoming)].join(':')
  const entry = { actor: actorName(actor), action: 'access.denied', subject, requestId }
  try {
    await db.inTransaction(async (tx) => tx.audit(entry), route.id)
  } catch (error) {
    const told = { requestId, contract: route.id, ...reasonOf(error) }
    log.error(told, 'a refusal is missing from the audit log')
  }
}

/** What the path names, as far as it is what the contract takes: anything else could be anything. */
function idsOf({ endpoint }: Route, incoming: Incoming): string[] {
  const params = endpoint.request.params?.safeParse(incoming.params())
  return params?.success ? Object.values(params.data).map(String) : []
}
