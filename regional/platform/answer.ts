/** Answers one contract's request: validation, the handler, and the headers that say what the answer knows. */
import type { Access, Forward } from '../../shared/contracts/endpoint.ts'
import { formatPosition, type Position } from '../../shared/freshness/position.ts'
import { HEADERS } from '../../shared/headers.ts'
import type { Scope } from '../../shared/principal.ts'
import { Problem } from '../../shared/problems.ts'
import { asAccount, asCustomer, asStaff, assertScopeSomewhere } from './access.ts'
import { auditRefusal } from './audit-refusal.ts'
import type { Tx } from './database.ts'
import { currentStamp } from './feed.ts'
import { claimKey, idempotencyRecord, replay } from './idempotency.ts'
import type { Actor, Incoming, RequestDb, Route, Services } from './implement.ts'
import { validated } from './validated.ts'

export async function answer(
  route: Route,
  services: Services,
  incoming: Incoming,
): Promise<Response> {
  const { access, serve } = route.endpoint
  try {
    assertAccess(access, incoming.actor)
    return serve.kind === 'cached'
      ? await services.shield.answer(route, incoming)
      : await answerForward(route, serve, services, incoming)
  } catch (error) {
    if (isStaffRefused(error, incoming.actor)) await auditRefusal(route, services, incoming)
    throw error
  }
}

/** The gate before the verb's own check. A holder proves itself to the verb. */
function assertAccess(access: Access, actor: Actor): void {
  if (access === 'public' || access === 'holder') return
  if (access === 'account') asAccount(actor)
  else if (access === 'customer') asCustomer(actor)
  else if (access === 'staff') asStaff(actor)
  else assertScopeSomewhere(actor, access.slice('staff:'.length) as Scope)
}

function isStaffRefused(error: unknown, { principal }: Actor): boolean {
  return principal.kind === 'staff' && error instanceof Problem && error.code === 'access.denied'
}

async function answerForward(
  route: Route,
  serve: Forward,
  services: Services,
  incoming: Incoming,
): Promise<Response> {
  const parts = validated(route, incoming)
  const { db, positionOf } = requestDb(services, route.id)
  const { actor, market, locale, group, userAgent } = incoming
  const context = { actor, market, locale, group, userAgent, ...parts, db }
  let status: number = route.endpoint.status
  if (serve.creates) {
    const record = idempotencyRecord({
      key: incoming.header(HEADERS.idempotencyKey),
      contract: route.name,
      caller: callerOf(incoming),
      path: incoming.path,
      body: parts.body,
    })
    Object.assign(context, {
      idempotency: record,
      once: (work: (tx: Tx) => Promise<unknown>, guard?: (tx: Tx) => Promise<unknown>) =>
        db.inTransaction(async (tx) => {
          const earlier = await claimKey(tx, record)
          if (earlier !== null) {
            await guard?.(tx)
            status = earlier.status
            return replay(earlier)
          }
          const value = await work(tx)
          tx.answer({ ...record, status, response: value })
          return value
        }),
    })
  }
  const value = await route.handler(context as never)
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'cache-control': 'no-store',
  }
  const position = positionOf() ?? (isStaffWrite(route) ? await currentStamp(services.db) : null)
  if (position !== null) headers[HEADERS.position] = formatPosition('catalogue', position)
  return new Response(JSON.stringify(value), { status, headers })
}

/**
 * A staff write that changed nothing (a repeat, or a state already reached) still answers with a position, so that
 * the repeat of a lost answer reads its own write.
 */
function isStaffWrite({ endpoint }: Route): boolean {
  return endpoint.access.startsWith('staff:') && endpoint.method !== 'get'
}

function requestDb(
  { db }: Services,
  contract: string,
): { db: RequestDb; positionOf: () => Position | null } {
  let position: Position | null = null
  return {
    positionOf: () => position,
    db: {
      run: (statement, values) => db.run(statement, values),
      inTransaction: async (work) => {
        const committed = await db.inTransaction(work, contract)
        position = committed.position ?? position
        return committed.value
      },
    },
  }
}

/** Whose idempotency keys these are: an account's, a cart's, or a guest's, whose keys are as good as secrets. */
function callerOf({ actor, params }: Incoming): string {
  if (actor.principal.kind !== 'guest') return actor.principal.id
  return params().cartId ?? 'guest'
}
