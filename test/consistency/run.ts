/** One run: a system is put together, written and read and hurt for a while, left in peace, and looked at once more. */
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { FEED_STALE_MS_MAX } from '../../shared/freshness/feed.ts'
import { HEADERS } from '../../shared/headers.ts'
import type { Break } from './breaks/index.ts'
import type { Violation, ViolationKind } from './checker.ts'
import type { Edge } from './edges.ts'
import type { Fault } from './faults/index.ts'
import { Scene } from './scene.ts'
import { PAGES, type Page } from './shop.ts'
import type { Stage } from './stage.ts'
import type { StalenessSamples } from './staleness.ts'
import { truthInDatabase } from './truth.ts'
import { ORDINARY_LOAD, Workload } from './workload.ts'

export interface RunPlan {
  readonly seconds: number
  readonly edges: number
  readonly seed: number
  readonly fault?: Fault | undefined
  readonly broken?: Break | undefined
  /** Told now and then how much of the run is over, from 0 to 1. */
  readonly onProgress?: (share: number) => void
}

export interface RunResult {
  readonly fault: string | null
  readonly broken: string | null
  readonly seed: number
  readonly operations: number
  readonly reads: number
  readonly writes: number
  readonly hits: number
  readonly standIns: number
  /** Reads that were answered with a 5xx or not at all, and with a 429. */
  readonly refused: number
  readonly limited: number
  readonly faults: number
  readonly violations: Readonly<Record<ViolationKind, number>>
  readonly details: readonly Violation[]
  readonly staleness: StalenessSamples
  /** For a broken rule, whether it showed. */
  readonly caught: boolean | null
  /** Why the run failed; empty when it held. */
  readonly failures: readonly string[]
}

/** A run whose readers were refused more often than that has shown nothing. */
const REFUSED_SHARE_MAX = 0.5
/** Everybody was asked to stop; what does not come to rest by then never will. */
const REST_MS_MAX = 60_000
/** After the bound, how long an edge may go on refusing before it counts as lost. */
const CONVERGE_MS_MAX = 15_000
const CONVERGE_RETRY_MS = 100
/** The clocks of edges count whole milliseconds. */
const SETTLE_MS = FEED_STALE_MS_MAX + 50
const LOOK_EVERY_MS = 50

export async function runOnce(stage: Stage, plan: RunPlan): Promise<RunResult> {
  const { fault, broken } = plan
  const scene = await Scene.open(stage, {
    edges: Math.max(plan.edges, (broken ?? fault)?.edgesMin ?? 0),
    seed: plan.seed,
    cells: fault?.cells ?? 1,
    hasWorkerds: broken === undefined && fault?.isOwnEdgesOnly !== true,
    makeEdge: broken?.makeEdge ?? fault?.makeEdge,
    ownCell: broken?.ownCell,
    extra: fault?.extra,
  })
  try {
    await broken?.prepare?.(scene)
    await act(scene, plan)
    const isCaught = !scene.state.checker.isClean
    if (broken === undefined || !isCaught) await settle(scene)
    return resultOf(scene, plan)
  } catch (cause) {
    throw new Error(`The run failed; the cells wrote:\n${scene.cells.output}`, { cause })
  } finally {
    scene.startHealing()
    scene.state.abandon()
    await scene.close()
  }
}

/** Reads, writes and faults until the time is up; with a broken rule, until it has shown. */
async function act(scene: Scene, { seconds, fault, broken, onProgress }: RunPlan): Promise<void> {
  const { state, edges } = scene
  const workload = new Workload(state, edges, (broken ?? fault)?.load ?? ORDINARY_LOAD)
  const failed = new AbortController()
  const watched = <T>(work: Promise<T>) => {
    work.catch((error: unknown) => failed.abort(error))
    return work
  }
  const working = watched(workload.run())
  const hurt = scene.extra?.run ?? (broken?.fault ?? fault)?.run
  const hurting = watched(hurt?.(scene) ?? Promise.resolve())
  const beganMs = performance.now()
  const share = () => (performance.now() - beganMs) / (seconds * 1_000)
  while (share() < 1 && !failed.signal.aborted) {
    await delay(LOOK_EVERY_MS)
    onProgress?.(Math.min(1, share()))
    if (broken !== undefined && !state.checker.isClean) break
  }
  scene.startHealing()
  // In this order: a write that is under way is answered once the system is whole again.
  await inTime('the fault', hurting, failed.signal)
  scene.front.heal()
  state.end()
  await inTime('the readers and writers', working, failed.signal)
  failed.signal.throwIfAborted()
}

/** Nobody writes any more: past the bound each edge shows the truth of each page, and it is what the database holds. */
async function settle(scene: Scene): Promise<void> {
  const { state, edges } = scene
  const { history } = state.checker
  await delay(SETTLE_MS)
  await Promise.all(edges.all.map((edge) => readAll(scene, edge)))
  const { states } = await truthInDatabase(scene.postgres, scene.database)
  for (const thing of history.things) {
    const expected = history.newest(thing)
    if (isDeepStrictEqual(states.get(thing), expected)) continue
    const found = JSON.stringify(states.get(thing))
    const what = `the database holds ${thing} as ${found}, not as ${JSON.stringify(expected)}`
    state.checker.record({ kind: 'divergence', what, context: {} })
  }
}

async function readAll({ state }: Scene, edge: Edge): Promise<void> {
  const deadlineMs = performance.now() + CONVERGE_MS_MAX
  for (const page of PAGES) {
    const context = { edge: edge.name, key: page.path }
    const read = await settledRead(edge, page, deadlineMs)
    if (read === null) {
      const what = `${edge.name} does not answer for ${page.path} any more`
      state.checker.record({ kind: 'divergence', what, context })
      return
    }
    const { facts, cacheStatus } = read
    state.checker.checkSettled(facts, { ...context, cacheStatus })
  }
}

async function settledRead(edge: Edge, page: Page, deadlineMs: number) {
  while (performance.now() < deadlineMs) {
    const response = await edge.fetch(page.path).catch(() => null)
    const body = await response?.text().catch(() => null)
    if (response && body && (response.status === 200 || response.status === 404)) {
      const cacheStatus = response.headers.get(HEADERS.cacheStatus) ?? ''
      // The cell is there again, though this edge has not tried it again yet.
      if (!cacheStatus.includes('hit; fwd=stale')) {
        return { facts: page.factsOf(response.status, body), cacheStatus }
      }
    }
    await delay(CONVERGE_RETRY_MS)
  }
  return null
}

async function inTime(who: string, work: Promise<unknown>, failed: AbortSignal): Promise<void> {
  const waiting = new AbortController()
  const late = delay(REST_MS_MAX, 'late', { signal: waiting.signal }).catch(() => 'ended')
  const aborted = new Promise<string>((resolve) => {
    if (failed.aborted) resolve('failed')
    failed.addEventListener('abort', () => resolve('failed'))
  })
  const outcome = await Promise.race([work.then(() => 'ended'), late, aborted])
  waiting.abort()
  failed.throwIfAborted()
  if (outcome === 'late') throw new Error(`${who} did not come to rest`)
}

function resultOf(scene: Scene, { seed, fault, broken }: RunPlan): RunResult {
  const { checker, counts } = scene.state
  const { reads, writes, refused, limited } = counts
  const caught = broken === undefined ? null : !checker.isClean
  const failures: string[] = []
  if (broken === undefined && !checker.isClean) failures.push('an answer was wrong')
  if (caught === false) failures.push('the broken rule was not noticed')
  if (refused + limited > reads * REFUSED_SHARE_MAX) failures.push('most readers were refused')
  const isHurt = (fault?.run ?? fault?.extra) !== undefined
  if (isHurt && scene.happened === 0) failures.push('the fault never happened')
  return {
    fault: fault?.name ?? null,
    broken: broken?.name ?? null,
    seed,
    operations: reads + writes,
    reads,
    writes,
    hits: counts.hits,
    standIns: counts.standIns,
    refused,
    limited,
    faults: scene.happened,
    violations: checker.counts,
    details: checker.violations,
    staleness: checker.staleness,
    caught,
    failures,
  }
}
