/**
 * The edge. A request's life, in the order of `serve` below: 1 trace, 2 token, 3 place, 4 limits, then 5 a cached read
 * or 6 a signed forward. Each step is a file; this one only orders them.
 */
import { type Context, Hono } from 'hono'
import { facts as allFacts } from '../shared/contracts/facts.generated.ts'
import type { EndpointFacts } from '../shared/contracts/facts.ts'
import type { Served } from '../shared/freshness/cached-reads.ts'
import type { WaitUntil } from '../shared/freshness/follower.ts'
import { parsePosition } from '../shared/freshness/position.ts'
import { freshnessReport } from '../shared/freshness/report.ts'
import { HEADERS } from '../shared/headers.ts'
import { groupOf, type Principal } from '../shared/principal.ts'
import { isProblemCode, Problem, type ProblemCode } from '../shared/problems.ts'
import { TokenVerifier } from './auth/identify.ts'
import { answerHeaders, isNotModified } from './cache/answer.ts'
import { cacheKey } from './cache/key.ts'
import type { EdgeReads } from './cache/open-reads.ts'
import type { EdgeConfig } from './config.ts'
import { countError, countRefusedToken, type EdgeHealth, newCounters } from './counters.ts'
import { forward, forwardPage } from './forward/forward.ts'
import { Markets } from './geo/markets.ts'
import { cellFor, type MarketFacts, type Place, placeOf } from './geo/place.ts'
import { ClientBudget, clientOf, FORCED_POLLS } from './limits/client-budget.ts'
import { assertWithinLimits } from './limits/request-limits.ts'
import { logFault } from './log.ts'
import { methodsAt } from './methods-at.ts'
import { preflight, secured } from './secured.ts'
import { type Trace, traceOf } from './trace/trace.ts'

type EdgeContext = Context

/** What the cell serves to anyone as it is. */
const PAGES = ['/v1/openapi.json', '/docs', '/docs/*', '/.well-known/jwks.json']

/** What an isolate keeps between requests. */
export function createEdge(config: EdgeConfig, parts: EdgeReads) {
  const { source, follower, memory, reads, origin } = parts
  const { defaultCell } = config
  const now = () => Date.now()
  const markets = new Markets(reads, origin)
  const tokens = new TokenVerifier(config.cells.values())
  const forcedPolls = new ClientBudget(FORCED_POLLS)
  const counters = newCounters()
  const app = new Hono()

  for (const facts of allFacts) {
    app.on(facts.method, facts.path.replaceAll(/\{(\w+)\}/g, ':$1'), (c) => serve(c, facts))
  }
  for (const page of PAGES) {
    app.get(page, async (c) =>
      secured(await forwardPage(defaultCell, c.req.path), traceOf(c.req.raw)),
    )
  }
  app.get('/health/edge', (c) => secured(Response.json(health()), traceOf(c.req.raw)))
  app.options('*', () => preflight())
  for (const page of [...PAGES, '/health/edge']) app.all(page, (c) => unmet(c, 'GET, HEAD'))
  app.notFound((c) => unmet(c, methodsAt(c.req.path)))
  app.onError((error, c) => refuse(problemOf(error), 'none', traceOf(c.req.raw)))
  return app

  async function serve(c: EdgeContext, facts: EndpointFacts): Promise<Response> {
    counters.requests += 1
    const request = c.req.raw
    const trace = traceOf(request)
    try {
      const wait: WaitUntil = (work) => c.executionCtx.waitUntil(work)
      // What is known already is not waited for: a hit passes through without leaving this turn of the loop.
      const principal = knownPrincipal(request) ?? (await identified(request))
      const query = queryOf(request.url)
      const directory = directoryFor(facts, wait) ?? (await loadDirectory(facts, wait))
      const place = placed(request, query, directory)
      assertWithinLimits(request, bodyBytesMaxOf(facts))
      return facts.serve.kind === 'cached'
        ? await cachedRead(c, facts, { query, place, group: groupOf(principal), trace, wait })
        : await forwarded(c, facts, { principal, place, trace })
    } catch (error) {
      return refuse(problemOf(error), facts.id, trace)
    }
  }

  function knownPrincipal(request: Request): Principal | null {
    const outcome = tokens.known(request.headers.get('authorization'), now())
    return outcome?.ok === true ? outcome.principal : null
  }

  async function identified(request: Request): Promise<Principal> {
    const outcome = await tokens.identify(request.headers.get('authorization') ?? '', now())
    if (outcome.ok) return outcome.principal
    countRefusedToken(counters, outcome.reason)
    throw new Problem(outcome.reason === 'keys_unavailable' ? 'cell.unavailable' : 'token.refused')
  }

  /** The markets to choose from: none where no market decides, `null` when they must be waited for. */
  function directoryFor(facts: EndpointFacts, wait: WaitUntil): readonly MarketFacts[] | null {
    const isPlaced = facts.serve.kind === 'forward' || facts.serve.vary.length > 0
    return isPlaced ? markets.known(wait) : []
  }

  async function loadDirectory(facts: EndpointFacts, wait: WaitUntil) {
    const loaded = await markets.load(wait)
    // A cart's or an order's market is its own, so those may go on without.
    if (loaded === null && facts.serve.kind === 'cached') throw new Problem('cell.unavailable')
    return loaded ?? []
  }

  function placed(request: Request, query: URLSearchParams, directory: readonly MarketFacts[]) {
    const wishes = {
      country: (request.cf?.country as string | undefined) ?? null,
      market: query.get('market'),
      locale: query.get('locale'),
      acceptLanguage: request.headers.get('accept-language'),
    }
    return placeOf(wishes, directory)
  }

  async function cachedRead(
    c: EdgeContext,
    facts: EndpointFacts,
    step: {
      query: URLSearchParams
      place: Place
      group: string | null
      trace: Trace
      wait: WaitUntil
    },
  ): Promise<Response> {
    const { query, place, group, trace, wait } = step
    const request = c.req.raw
    const position = parsePosition(
      request.headers.get(HEADERS.position) ?? query.get('position'),
      'catalogue',
    )
    const startedAtMs = now()
    const read = {
      origin,
      key: cacheKey(facts, { params: c.req.param(), query, place, group }),
      position,
      staleIfErrorSeconds: facts.serve.kind === 'cached' ? facts.serve.staleIfErrorSeconds : 0,
      beforeForced: () => assertMayForce(request, startedAtMs),
    }
    const inMemory = reads.fromMemory(read, wait)
    if (inMemory !== null) return answered(inMemory, request, trace, startedAtMs)
    const served = await reads.read(read, wait)
    if (served.kind === 'response') countError(counters, facts.id, 'request.invalid')
    return answered(served, request, trace, startedAtMs)
  }

  /** A position is a caller's word, and every one that is not known yet costs the cell a poll. */
  function assertMayForce(request: Request, nowMs: number): void {
    if (forcedPolls.take(clientOf(request), nowMs)) return
    counters.limited += 1
    throw new Problem('limit.exceeded', { retryAfterSeconds: 1 })
  }

  function answered(served: Served, request: Request, trace: Trace, startedAtMs: number): Response {
    if (served.kind === 'unavailable')
      throw new Problem('cell.unavailable', { retryAfterSeconds: 2 })
    if (served.kind === 'response') return secured(served.response, trace)
    const headers = answerHeaders(served, defaultCell.name)
    headers['server-timing'] = `edge;dur=${now() - startedAtMs}`
    headers[HEADERS.requestId] = trace.requestId
    if (isNotModified(served.entry, request.headers.get('if-none-match'))) {
      counters.notModified += 1
      return new Response(null, { status: 304, headers })
    }
    return new Response(served.entry.body, { status: served.entry.status, headers })
  }

  async function forwarded(
    c: EdgeContext,
    facts: EndpointFacts,
    step: { principal: Principal; place: Place; trace: Trace },
  ): Promise<Response> {
    counters.forwards += 1
    const { principal, place, trace } = step
    const cell = cellFor(config, facts, { params: c.req.param(), principal })
    const startedAtMs = now()
    const response = await forward(cell, {
      original: c.req.raw,
      bodyBytesMax: bodyBytesMaxOf(facts),
      path: pathOf(c.req.raw),
      place,
      trace,
    })
    if (response.status >= 400) countError(counters, facts.id, await codeOf(response))
    response.headers.set(HEADERS.cacheStatus, 'tradewind; fwd=bypass')
    response.headers.set(HEADERS.cell, cell.name)
    response.headers.set('server-timing', `cell;dur=${now() - startedAtMs}`)
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

/** The query alone: parsing the whole address costs more than the rest of a hit's bookkeeping. */
function queryOf(url: string): URLSearchParams {
  const mark = url.indexOf('?')
  return new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1))
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
