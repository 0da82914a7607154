/**
 * The edge. A request's life, in the order of `serve` below: 1 trace, 2 token, 3 place, 4 limits, then 5 a cached read
 * or 6 a signed forward. Each step is a file; this one only orders them.
 */
import type { Context } from 'hono'
import { Hono } from 'hono/quick'
import { facts as allFacts } from '../shared/contracts/facts.generated.ts'
import type { EndpointFacts } from '../shared/contracts/facts.ts'
import type { Served } from '../shared/freshness/cached-reads.ts'
import type { WaitUntil } from '../shared/freshness/follower.ts'
import { type Position, parsePosition } from '../shared/freshness/position.ts'
import { freshnessReport } from '../shared/freshness/report.ts'
import { HEADERS } from '../shared/headers.ts'
import { TokenBuckets } from '../shared/limits/token-buckets.ts'
import { groupOf, type Principal } from '../shared/principal.ts'
import { isProblemCode, Problem, type ProblemCode } from '../shared/problems.ts'
import type { Identities } from './auth/identify.ts'
import { AnswerHeaders, isNotModified } from './cache/answer.ts'
import type { EdgeReads } from './cache/open-reads.ts'
import { ReadKeys } from './cache/read-keys.ts'
import type { EdgeConfig } from './config.ts'
import { countError, countRefusedToken, type EdgeHealth, newCounters } from './counters.ts'
import { forward, forwardPage } from './forward/forward.ts'
import { Markets } from './geo/markets.ts'
import { cellFor, type MarketFacts, placeOf, queryOf, wishesOf } from './geo/place.ts'
import { type Attempt, AttemptLimits } from './limits/attempts.ts'
import { clientOf, FORCED_POLLS } from './limits/client.ts'
import { announcesBody, assertWithinLimits } from './limits/request-limits.ts'
import { Turns } from './limits/turns.ts'
import { logFault } from './log.ts'
import { methodsAt } from './methods-at.ts'
import { preflight, secured, unshared } from './secured.ts'
import { newRequestId, type Trace, traceOf } from './trace/trace.ts'

type EdgeContext = Context
/** What the runtime gives with a request, as far as it is used. */
type IsolateContext = Parameters<Hono['fetch']>[2] & { waitUntil: WaitUntil }

/** What the cell serves to anyone as it is. */
const PAGES = ['/v1/openapi.json', '/docs', '/docs/*', '/.well-known/jwks.json']
/** What a cell shows to whoever develops it. It holds links that sign people in, so no other origin may read it. */
const DEVELOPMENT_PAGES = ['/dev/mailbox', '/dev/mailbox/*']

const NO_MARKETS: readonly MarketFacts[] = []

/** What an isolate keeps between requests. */
export function createEdge(config: EdgeConfig, parts: EdgeReads, identities: Identities) {
  const { source, follower, memory, reads, origin } = parts
  const { defaultCell } = config
  const now = () => Date.now()
  const markets = new Markets(reads, origin)
  const keys = new ReadKeys(origin)
  const answers = new AnswerHeaders(defaultCell.name)
  const forcedPolls = new TokenBuckets(FORCED_POLLS)
  const attempts = new AttemptLimits()
  const turns = new Turns(defaultCell.name)
  const counters = newCounters()
  // A router that takes its routes as they are: an isolate that has just started is to answer, not to compile them all.
  const app = new Hono()

  for (const facts of allFacts) {
    app.on(facts.method, facts.path.replaceAll(/\{(\w+)\}/g, ':$1'), (c) => serve(c, facts))
  }
  for (const page of PAGES) {
    app.get(page, async (c) =>
      secured(await forwardPage(defaultCell, c.req.path), traceOf(c.req.raw)),
    )
  }
  for (const page of config.environment === 'development' ? DEVELOPMENT_PAGES : []) {
    app.get(page, async (c) =>
      unshared(secured(await forwardPage(defaultCell, c.req.path), traceOf(c.req.raw))),
    )
  }
  app.get('/health/edge', (c) => secured(Response.json(health()), traceOf(c.req.raw)))
  app.options('*', () => preflight())
  for (const page of [...PAGES, '/health/edge']) app.all(page, (c) => unmet(c, 'GET, HEAD'))
  app.notFound((c) => unmet(c, methodsAt(c.req.path)))
  app.onError((error, c) => refuse(problemOf(error), 'none', traceOf(c.req.raw)))
  return {
    fetch: (request: Request, bindings: unknown, context: IsolateContext) =>
      turnedAway(request) ?? hitIn(request, context) ?? app.fetch(request, bindings, context),
  }

  function turnedAway(request: Request): Response | null {
    const refusal = turns.refusalOf(request, now)
    if (refusal === null) return null
    counters.requests += 1
    return refuse(refusal.problem, refusal.contract, traceOf(request))
  }

  /** What fails here fails in `serve` too, which says so in the caller's terms. */
  function hitIn(request: Request, context: IsolateContext): Response | null {
    try {
      return hit(request, context)
    } catch {
      return null
    }
  }

  /**
   * The steps of `serve` for a cached read of which everything is known already: nothing is routed, taken apart or
   * waited for. `null` for any other request.
   */
  function hit(request: Request, context: IsolateContext): Response | null {
    const wait: WaitUntil = (work) => context.waitUntil(work)
    const startedAtMs = now()
    const directory = markets.known(wait)
    const { headers } = request
    const principal = knownPrincipal(headers, wait)
    if (principal === null || directory === null || announcesBody(headers)) return null
    const known = keys.known(request, { group: groupOf(principal), directory })
    if (known === null) return null
    // A known address is within its limit, and holds no position.
    const position = parsePosition(headers.get(HEADERS.position), 'catalogue')
    const served = reads.fromMemory(position === null ? known : { ...known, position }, wait)
    if (served === null) return null
    counters.requests += 1
    return answered(served, headers, { requestId: newRequestId(), startedAtMs })
  }

  async function serve(c: EdgeContext, facts: EndpointFacts): Promise<Response> {
    counters.requests += 1
    const request = c.req.raw
    const trace = traceOf(request)
    const attempt = facts.limit ? attempts.attempt(facts.limit, clientOf(request)) : null
    try {
      const wait: WaitUntil = (work) => c.executionCtx.waitUntil(work)
      // What is known already is not waited for.
      const principal = knownPrincipal(request.headers, wait) ?? (await identified(request, wait))
      const directory = directoryFor(facts, wait) ?? (await loadDirectory(facts, wait))
      assertWithinLimits(request, bodyBytesMaxOf(facts))
      attempt?.takeOfAddress(now())
      return facts.serve.kind === 'cached'
        ? await cachedRead(c, facts, { group: groupOf(principal), directory, trace, wait })
        : await forwarded(c, facts, { principal, directory, trace, attempt, wait })
    } catch (error) {
      const refusal = refuse(problemOf(error), facts.id, trace)
      attempt?.label(refusal)
      return refusal
    }
  }

  function knownPrincipal(headers: Headers, wait: WaitUntil): Principal | null {
    const outcome = identities.known(headers.get('authorization'), now(), wait)
    return outcome?.ok === true ? outcome.principal : null
  }

  async function identified({ headers }: Request, wait: WaitUntil): Promise<Principal> {
    const outcome = await identities.identify(headers.get('authorization') ?? '', now(), wait)
    if (outcome.ok) return outcome.principal
    countRefusedToken(counters, outcome.reason)
    throw new Problem(outcome.reason === 'keys_unavailable' ? 'cell.unavailable' : 'token.refused')
  }

  /** The markets to choose from: none where no market decides, `null` when they must be waited for. */
  function directoryFor(facts: EndpointFacts, wait: WaitUntil): readonly MarketFacts[] | null {
    const isPlaced = facts.serve.kind === 'forward' || facts.serve.vary.length > 0
    return isPlaced ? markets.known(wait) : NO_MARKETS
  }

  async function loadDirectory(facts: EndpointFacts, wait: WaitUntil) {
    const loaded = await markets.load(wait)
    // A cart's or an order's market is its own, so those may go on without.
    if (loaded === null && facts.serve.kind === 'cached') throw new Problem('cell.unavailable')
    return loaded ?? NO_MARKETS
  }

  async function cachedRead(
    c: EdgeContext,
    facts: EndpointFacts,
    step: {
      group: string | null
      directory: readonly MarketFacts[]
      trace: Trace
      wait: WaitUntil
    },
  ): Promise<Response> {
    const { group, directory, trace, wait } = step
    const request = c.req.raw
    const startedAtMs = now()
    const read = {
      ...(keys.known(request, { group, directory }) ??
        keys.make(facts, { request, params: c.req.param(), group, directory })),
      position: positionIn(request),
      beforeForced: () => assertMayForce(request, startedAtMs),
    }
    const served = reads.fromMemory(read, wait) ?? (await reads.read(read, wait))
    if (served.kind === 'response') {
      countError(counters, facts.id, 'request.invalid')
      return secured(served.response, trace)
    }
    return answered(served, request.headers, { requestId: trace.requestId, startedAtMs })
  }

  /** A position is a caller's word, and every one that is not known yet costs the cell a poll. */
  function assertMayForce(request: Request, nowMs: number): void {
    if (forcedPolls.take(clientOf(request), nowMs).allowed) return
    throw new Problem('limit.exceeded', { retryAfterSeconds: 1 })
  }

  function answered(
    served: Served,
    asked: Headers,
    { requestId, startedAtMs }: { requestId: string; startedAtMs: number },
  ): Response {
    if (served.kind !== 'entry') throw new Problem('cell.unavailable', { retryAfterSeconds: 2 })
    const headers = answers.of(served, { requestId, tookMs: now() - startedAtMs })
    if (isNotModified(served.entry, asked.get('if-none-match'))) {
      counters.notModified += 1
      return new Response(null, { status: 304, headers })
    }
    return new Response(served.entry.body, { status: served.entry.status, headers })
  }

  async function forwarded(
    c: EdgeContext,
    facts: EndpointFacts,
    step: {
      principal: Principal
      directory: readonly MarketFacts[]
      trace: Trace
      attempt: Attempt | null
      wait: WaitUntil
    },
  ): Promise<Response> {
    counters.forwards += 1
    const { principal, directory, trace, attempt, wait } = step
    const place = placeOf(wishesOf(c.req.raw, queryOf(c.req.raw.url)), directory)
    const cell = cellFor(config, facts, { params: c.req.param(), principal })
    const turn = turns.of(facts, cell.name)
    turn?.assertRoom(now())
    const startedAtMs = now()
    const answer = forward(cell, {
      original: c.req.raw,
      bodyBytesMax: bodyBytesMaxOf(facts),
      beforeSent: async (body) => {
        await attempt?.takeOfAccount(body, now())
        turn?.begin(now())
      },
      path: pathOf(c.req.raw),
      place,
      trace,
    })
    const response = await (turn?.endWith(answer, wait) ?? answer)
    if (response.status >= 400) countError(counters, facts.id, await codeOf(response))
    response.headers.set(HEADERS.cacheStatus, 'tradewind; fwd=bypass')
    response.headers.set(HEADERS.cell, cell.name)
    // Where somebody may be guessing, how long the cell took is nobody's to know.
    if (attempt === null) {
      response.headers.set('server-timing', `cell;dur=${now() - startedAtMs}`)
    }
    attempt?.label(response)
    return secured(response, trace)
  }

  /** Nothing is here for this method; `allowed` are those for which there is something. */
  function unmet(c: EdgeContext, allowed: string | null): Response {
    const code = allowed === null ? 'route.unknown' : 'method.not_allowed'
    const response = refuse(new Problem(code), 'none', traceOf(c.req.raw))
    if (allowed !== null) response.headers.set('allow', allowed)
    return response
  }

  function refuse(problem: Problem, contract: string, trace: Trace): Response {
    countError(counters, contract, problem.code)
    if (problem.code === 'limit.exceeded') counters.limited += 1
    if (problem.code === 'internal') logFault(problem, { contract, requestId: trace.requestId })
    return secured(problem.toResponse(trace.requestId), trace)
  }

  function health(): EdgeHealth {
    return {
      ok: true,
      counters,
      ...freshnessReport(reads.counters, follower),
      sources: source.counters,
      memory: { entries: memory.size, bytes: memory.bytes },
      tokens: { remembered: identities.remembered },
    }
  }
}

/** A read has no body: nothing would look at it (RFC 9110 §9.3.1). */
function bodyBytesMaxOf({ method, serve }: EndpointFacts): number {
  return serve.kind === 'cached' || method === 'get' ? 0 : serve.bodyBytesMax
}

function problemOf(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem('internal', { cause: error })
}

/** The header's, or the query's where a header would cost a preflight. */
function positionIn(request: Request): Position | null {
  const { url, headers } = request
  const named = headers.get(HEADERS.position)
  if (named !== null) return parsePosition(named, 'catalogue')
  return url.includes('position=') ? parsePosition(queryOf(url).get('position'), 'catalogue') : null
}

/** Path and query as the caller sent them, without what is ours. */
function pathOf(request: Request): string {
  const url = new URL(request.url)
  url.searchParams.delete('position')
  return url.pathname + url.search
}

/** The code of a problem that a cell answered with, leaving the response as it is. */
async function codeOf(response: Response): Promise<ProblemCode> {
  const details: unknown = await response
    .clone()
    .json()
    .catch(() => null)
  const code = (details as { code?: unknown } | null)?.code
  return isProblemCode(code) ? code : 'internal'
}
