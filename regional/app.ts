/**
 * The cell's application. The order of a request's life is the order of this file: signature, token, contract,
 * verb, position.
 */
import { type Context, Hono } from 'hono'
import { parseDictionary } from 'structured-headers'
import type { Forward } from '../shared/contracts/endpoint.ts'
import { answerPlace } from '../shared/freshness/feed.ts'
import {
  FEEDS,
  type FeedName,
  formatPosition,
  parsePosition,
} from '../shared/freshness/position.ts'
import { HEADERS } from '../shared/headers.ts'
import { LIMIT_POLICIES } from '../shared/limits/policies.ts'
import { CUSTOMER_GROUP, GROUP_PARAMETER, groupOf } from '../shared/principal.ts'
import { Problem } from '../shared/problems.ts'
import { type SealKey, seal } from '../shared/signing/seal.ts'
import { mailboxPages } from './modules/notifications/index.ts'
import { principalOf } from './platform/access-token.ts'
import { answer } from './platform/answer.ts'
import { codeOf, databaseProblem, placesOf, reasonOf, rootOf } from './platform/database-errors.ts'
import { EdgeSignatures, isDigestOf, sealKeyOf } from './platform/edge-signature.ts'
import { batchAfter } from './platform/feed.ts'
import type { Incoming, Module, Route, Services } from './platform/implement.ts'
import { reference } from './platform/reference.ts'
import { readBytes } from './platform/request-body.ts'
import { standingOf } from './platform/sessions.ts'
import { KEYS_SHARED_SECONDS } from './platform/signing-keys.ts'

type HeaderReader = (name: string) => string | null | undefined
/** What `@hono/node-server` binds; absent under `app.request()`. */
interface Bindings {
  incoming?: { headers: Record<string, string | string[] | undefined> }
}
type CellContext = Context<{ Bindings: Bindings }>

export function createApp(services: Services, modules: readonly Module[]) {
  const { config, clock, log, keys, tokens } = services
  const sealKeys = config.EDGE_SECRETS.map(sealKeyOf)
  const signatures = new EdgeSignatures(config.EDGE_SECRETS, clock)
  const app = new Hono<{ Bindings: Bindings }>()

  app.get('/health/live', (c) => c.json({ ok: true }))
  app.get('/health/ready', async (c) => {
    await batchAfter(services.feed, { feed: 'catalogue', from: null, limit: 1 })
    return c.json({ ok: true })
  })
  app.get('/health/cell', (c) => c.json({ ok: true, shield: services.shield.health }))
  app.get('/.well-known/jwks.json', async (c) =>
    c.json(await keys.published(), 200, {
      'cache-control': `public, max-age=${KEYS_SHARED_SECONDS}`,
    }),
  )
  app.route('/', reference())
  const mailbox = mailboxPages(config)
  if (mailbox !== null) app.route('/', mailbox)
  app.get('/internal/feed', (c) => {
    assertSigned(c, headersOf(c))
    return answerFeed(c, services, sealKeys)
  })
  app.get('/internal/session', (c) => {
    assertSigned(c, headersOf(c))
    return answerStanding(c, services, sealKeys)
  })

  for (const route of modules.flatMap((module) => module.routes(services))) {
    const path = route.endpoint.path.replaceAll(/\{(\w+)\}/g, ':$1')
    const level = route.endpoint.serve.kind === 'cached' ? 'debug' : 'info'
    app.on(route.endpoint.method, path, async (c) => {
      const startedAtMs = performance.now()
      const response = await answerRoute(c, route)
      if (isHashing(route)) response.headers.set(HEADERS.turn, String(services.passwords.turnMs))
      if (log.isLevelEnabled(level)) {
        const ms = Math.round(performance.now() - startedAtMs)
        log[level]({ ...traceOf(c), contract: route.name, status: response.status, ms }, 'answered')
      }
      return response
    })
  }

  app.notFound(() => new Problem('route.unknown').toResponse())
  app.onError((error, c) => {
    const problem = problemOf(error)
    const { error: kind, code: cause, reason } = reasonOf(error)
    const level = levelOf(problem)
    const stack = level === 'error' ? stackOf(error) : undefined
    const told = { ...traceOf(c), code: problem.code, error: kind, cause, reason, stack }
    log[level](told, 'refused')
    return problem.toResponse(requestIdOf(c))
  })
  return app

  /** @throws {Problem} `request.unsigned`; the reason goes to the log alone. */
  function assertSigned(c: CellContext, header: HeaderReader): void {
    const { pathname, search } = targetOf(c)
    const method = c.req.method
    const refusal = signatures.refusalOf({ method, path: pathname, query: search, header })
    if (refusal !== null) throw new Problem('request.unsigned', { cause: new Error(refusal) })
  }

  async function answerRoute(c: CellContext, route: Route): Promise<Response> {
    const header = headersOf(c)
    assertSigned(c, header)
    const body = await bodyOf(c, route, header)
    const principal = await principalOf(tokens, header('authorization'), clock.now())
    const {
      request: requestId = 'unknown',
      market = null,
      locale = null,
    } = edgeContext(header(HEADERS.context))
    const { pathname: path, search } = targetOf(c)
    const isCached = route.endpoint.serve.kind === 'cached'
    const incoming: Incoming = {
      actor: { principal, cartSecret: header(HEADERS.cartSecret) ?? null, requestId },
      market,
      locale,
      group: isCached ? groupAsked(search) : groupOf(principal),
      userAgent: isCached ? null : (header('user-agent') ?? null),
      key: (market ?? locale) ? `${path}${search}#${market}/${locale}` : path + search,
      path,
      params: () => c.req.param() as Record<string, string>,
      query: () => {
        const query = new URLSearchParams(search)
        if (isCached) query.delete(GROUP_PARAMETER)
        return query
      },
      body,
      header,
    }
    return await answer(route, services, incoming)
  }
}

/** The customer group that an edge read out of a token and signed into a cached read's query. */
function groupAsked(search: string): string | null {
  if (!search.includes(GROUP_PARAMETER)) return null
  const group = new URLSearchParams(search).get(GROUP_PARAMETER)
  return group !== null && CUSTOMER_GROUP.test(group) ? group : null
}

function isHashing({ endpoint: { limit } }: Route): boolean {
  return limit !== undefined && LIMIT_POLICIES[limit.policy].hashes
}

const NO_BODY = new Uint8Array()

async function bodyOf(c: CellContext, route: Route, header: HeaderReader): Promise<Uint8Array> {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return NO_BODY
  const { bodyBytesMax } = route.endpoint.serve as Forward
  const body = await readBytes(c.req.raw, bodyBytesMax)
  const digest = header('content-digest')
  if ((body.byteLength > 0 || digest) && !isDigestOf(body, digest)) {
    throw new Problem('request.unsigned', { cause: new Error('digest') })
  }
  return body
}

/** What an edge may name a question of the feed. */
const QUESTION = /^[\w-]{1,64}$/
/** A token has three. */
const TAGS_ASKED_MAX = 8

async function answerFeed(
  c: CellContext,
  { feed: db }: Services,
  keys: readonly SealKey[],
): Promise<Response> {
  const feed = FEEDS.find((known) => known === c.req.query('feed')) as FeedName | undefined
  const from = c.req.query('from')
  if (feed === undefined || (from !== undefined && !/^\d{1,15}$/.test(from))) {
    throw new Problem('request.invalid')
  }
  const batch = await batchAfter(db, { feed, from: from === undefined ? null : Number(from) })
  const question = headersOf(c)(HEADERS.question) ?? ''
  // An edge of an older release names none, and reads no seal.
  if (!QUESTION.test(question)) return c.json(batch, 200, { 'cache-control': 'no-store' })
  const sealed = await seal(JSON.stringify(batch), answerPlace(question), keys)
  return c.text(sealed, 200, { 'cache-control': 'no-store', [HEADERS.question]: question })
}

/** Whether a token stands that an edge cannot judge by what it knows of the feed. */
async function answerStanding(
  c: CellContext,
  { feed: db }: Services,
  keys: readonly SealKey[],
): Promise<Response> {
  const session = c.req.query('session')
  const stamp = parsePosition(c.req.query('stamp'), 'cell')
  const tags = c.req.queries('tag') ?? []
  const question = headersOf(c)(HEADERS.question) ?? ''
  if (!session || stamp === null || tags.length > TAGS_ASKED_MAX || !QUESTION.test(question)) {
    throw new Problem('request.invalid')
  }
  const standing = { tags, stamp: stamp.n, history: stamp.history }
  const answer = await standingOf(db, { session, standing })
  const text = answer === 'ended' ? answer : formatPosition('cell', answer)
  const sealed = await seal(text, answerPlace(question), keys)
  return c.text(sealed, 200, { 'cache-control': 'no-store', [HEADERS.question]: question })
}

/** Node's own header object when there is one: building a `Headers` costs as much as the rest of a read. */
function headersOf(c: CellContext): HeaderReader {
  const raw = c.env?.incoming?.headers
  if (raw === undefined) return (name) => c.req.raw.headers.get(name)
  return (name) => {
    const value = raw[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
}

/** Path and query as they were sent, undecoded, because they are signed. */
function targetOf(c: CellContext): { pathname: string; search: string } {
  const url = c.req.url
  const start = url.indexOf('/', url.indexOf('//') + 2)
  const mark = url.indexOf('?', start)
  return mark === -1
    ? { pathname: url.slice(start), search: '' }
    : { pathname: url.slice(start, mark), search: url.slice(mark) }
}

/** Reads the edge's signed context: `request="…", market="de", locale="de"`. */
function edgeContext(value: string | null | undefined): Record<string, string | undefined> {
  if (!value) return {}
  try {
    const members = [...parseDictionary(value)].map(([name, [item]]) => [name, String(item)])
    return Object.fromEntries(members)
  } catch (cause) {
    throw new Problem('request.malformed', { cause })
  }
}

/** What joins a log line to the edge's and to everybody else's of the same trace (W3C Trace Context). */
function traceOf(c: CellContext) {
  const traceparent = headersOf(c)('traceparent')
  return {
    requestId: requestIdOf(c),
    trace: /^00-([0-9a-f]{32})-/.exec(traceparent ?? '')?.[1],
  }
}

function requestIdOf(c: CellContext): string | undefined {
  const id = /request="([\w-]{1,64})"/.exec(headersOf(c)(HEADERS.context) ?? '')
  return id?.[1]
}

function problemOf(error: Error): Problem {
  if (error instanceof Problem) return error
  return databaseProblem(error) ?? new Problem('internal', { cause: error })
}

/**
 * An edge that the cell does not trust is the operator's affair; callers are told that the cell is away. Turning people
 * away who come all at once is what it is meant to do, and must cost little.
 */
function levelOf({ status, code }: Problem): 'error' | 'warn' | 'debug' {
  if (code === 'cell.overloaded') return 'warn'
  if (status >= 500) return 'error'
  return code === 'request.unsigned' ? 'warn' : 'debug'
}

/** Of the error, or of what a driver's wrapper was made for: the wrapper stands nearer to our own code. */
function stackOf(error: Error): string | undefined {
  return placesOf(codeOf(error) === undefined ? rootOf(error) : error)
}
