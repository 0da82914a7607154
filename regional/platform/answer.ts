/** Answers one contract's request: validation, the handler, and the headers that say what the answer knows. */
import type { z } from 'zod'
import type { Access, Forward } from '../../shared/contracts/endpoint.ts'
import { formatPosition, type Position } from '../../shared/freshness/position.ts'
import { HEADERS } from '../../shared/headers.ts'
import type { Scope } from '../../shared/principal.ts'
import { type FieldError, Problem } from '../../shared/problems.ts'
import { assertScope } from './access.ts'
import type { Tx } from './database.ts'
import { currentStamp } from './feed.ts'
import { claimKey, idempotencyRecord, replay } from './idempotency.ts'
import type { Actor, RequestDb, Route, Services, Snapshot } from './implement.ts'
import { parseJsonBody } from './request-body.ts'

/** A verified request, read apart. */
export interface Incoming {
  readonly actor: Actor
  readonly path: string
  readonly params: Record<string, string>
  readonly query: URLSearchParams
  readonly body: Uint8Array
  readonly market: string | null
  readonly locale: string | null
  readonly header: (name: string) => string | null | undefined
}

export async function answer(
  route: Route,
  services: Services,
  incoming: Incoming,
): Promise<Response> {
  const { access, serve } = route.endpoint
  assertAccess(access, incoming.actor)
  return serve.kind === 'cached'
    ? await answerCached(route, incoming)
    : await answerForward(route, serve, services, incoming)
}

/** The gate before the verb's own check. A holder proves itself to the verb, with the cart's secret. */
function assertAccess(access: Access, actor: Actor): void {
  if (access.startsWith('staff:')) assertScope(actor, access.slice('staff:'.length) as Scope)
}

async function answerCached(route: Route, incoming: Incoming): Promise<Response> {
  const context = { ...contextOf(incoming), ...validated(route, incoming) }
  const snapshot = (await route.handler(context as never)) as Snapshot
  const headers: Record<string, string> = {
    [HEADERS.stamp]: formatPosition('catalogue', snapshot.stamp),
    [HEADERS.tags]: snapshot.tags.join(' '),
    'cache-control': 'no-cache',
  }
  if ('problem' in snapshot) {
    const response = snapshot.problem.toResponse()
    for (const [name, text] of Object.entries(headers)) response.headers.set(name, text)
    return response
  }
  headers.etag = snapshot.etag
  if (incoming.header('if-none-match') === snapshot.etag) {
    return new Response(null, { status: 304, headers })
  }
  headers['content-type'] = 'application/json'
  return new Response(snapshot.body, { status: 200, headers })
}

async function answerForward(
  route: Route,
  serve: Forward,
  services: Services,
  incoming: Incoming,
): Promise<Response> {
  const parts = validated(route, incoming)
  const { db, positionOf } = requestDb(services)
  const context = { ...contextOf(incoming), ...parts, db }
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

function requestDb({ db }: Services): { db: RequestDb; positionOf: () => Position | null } {
  let position: Position | null = null
  return {
    positionOf: () => position,
    db: {
      run: (statement, values) => db.run(statement, values),
      inTransaction: async (work) => {
        const committed = await db.inTransaction(work)
        position = committed.position ?? position
        return committed.value
      },
    },
  }
}

function contextOf({ actor, market, locale }: Incoming) {
  return { actor, market, locale }
}

/** Whose idempotency keys these are: an account's, a cart's, or a guest's, whose keys are as good as secrets. */
function callerOf({ actor, params }: Incoming): string {
  if (actor.principal.kind !== 'guest') return actor.principal.id
  return params.cartId ?? 'guest'
}

interface Parts {
  params: unknown
  query: unknown
  body: unknown
}

/** More than anybody corrects at once; the answer to bad input stays small, whatever the input was. */
const ERRORS_MAX = 50

/** @throws {Problem} `request.invalid`, naming the fields at fault, up to `ERRORS_MAX`. */
function validated(route: Route, incoming: Incoming): Parts {
  const { params, query, body } = route.endpoint.request
  const errors: FieldError[] = []
  const parts = {
    params: params && read('params', params, incoming.params, errors),
    query: query && read('query', query, queryOf(incoming.query, errors), errors),
    body: body && read('body', body, jsonBodyOf(incoming), errors),
  }
  if (errors.length > 0) throw new Problem('request.invalid', { errors })
  return parts
}

function read(place: FieldError['in'], schema: z.ZodType, input: unknown, errors: FieldError[]) {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    if (errors.length >= ERRORS_MAX) break
    errors.push(...fieldErrors(place, issue).slice(0, ERRORS_MAX - errors.length))
  }
  return undefined
}

/** A field that the schema does not know is named itself, not its parent; zod's message would name all of them. */
function fieldErrors(place: FieldError['in'], issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code !== 'unrecognized_keys') {
    return [{ in: place, pointer: pointerOf(issue.path), detail: issue.message }]
  }
  const detail = 'is not a field that is known here'
  return issue.keys
    .slice(0, ERRORS_MAX)
    .map((key) => ({ in: place, pointer: pointerOf([...issue.path, key]), detail }))
}

/** RFC 6901 §3. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path
    .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 100)}`)
    .join('')
}

function queryOf(query: URLSearchParams, errors: FieldError[]): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, text] of query) {
    if (Object.hasOwn(values, name) && errors.length < ERRORS_MAX) {
      errors.push({ in: 'query', pointer: pointerOf([name]), detail: 'may be given once' })
    }
    values[name] = text
  }
  return values
}

function jsonBodyOf(incoming: Incoming): unknown {
  const type = incoming.header('content-type') ?? ''
  if (!/^application\/json\s*(?:;|$)/i.test(type)) throw new Problem('request.unsupported_type')
  return parseJsonBody(incoming.body)
}
