/**
 * The protocol against a model: random interleavings of transactions, reads, evictions, restarts and failures, in
 * which no client may see what the protocol rules out. The same model must catch each rule being broken.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CachedReads } from '../../../shared/freshness/cached-reads.ts'
import { type Judged, Knowledge } from '../../../shared/freshness/knowledge.ts'
import type { Position } from '../../../shared/freshness/position.ts'
import { ITEMS, KEYS } from './shop.ts'
import { CLIENTS, PROTOCOL, type Rules, type Step, World } from './world.ts'

/** More of them, from another seed, make a soak: `MODEL_RUNS=100000 MODEL_SEED=7`. */
const RUNS = Number(process.env.MODEL_RUNS ?? 400)
/** Runs in which a broken rule has to show; far more than it takes, and the search ends at the first. */
const RUNS_TO_CATCH = 2_000
const SEED = Number(process.env.MODEL_SEED ?? 20_261_121)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
})

afterEach(() => {
  vi.useRealTimers()
})

const edge = fc.nat(2)
const client = fc.nat(CLIENTS - 1)
const key = fc.constantFrom(...KEYS)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('read' as const), client, edge, key }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      client,
      item: fc.constantFrom(...ITEMS),
      kind: fc.constantFrom('revise' as const, 'toggle' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('evict' as const),
      edge,
      key,
      tier: fc.constantFrom('memory' as const, 'colo' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart edge' as const), edge }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('restart cell' as const), lost: fc.nat(2) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('break cell' as const),
      forMs: fc.constantFrom(50, 400, 3_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lag' as const), changes: fc.nat(5) }) },
)
const gap = fc.constantFrom(0, 0, 1, 3, 20, 150, 600, 1_200, 2_100)
const run = fc.record({
  steps: fc.array(fc.record({ step, gap }), { minLength: 5, maxLength: 60 }),
  legs: fc.array(fc.constantFrom(0, 1, 2, 5, 40, 300, 900), { minLength: 3, maxLength: 40 }),
  /** Now and then a crossing is cut off, and what waits for it never ends. */
  cutEvery: fc.constantFrom(0, 0, 0, 17),
})
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never

async function play({ steps, legs, cutEvery }: Run, rules: Rules): Promise<World> {
  const cut = [...legs, ...Array<number>(cutEvery).fill(2), Number.POSITIVE_INFINITY]
  const world = new World(rules, cutEvery === 0 ? legs : cut)
  for (const each of steps) {
    world.begin(each.step)
    await vi.advanceTimersByTimeAsync(each.gap)
  }
  world.begin({ do: 'break cell', forMs: 0 })
  if (rules.minimumKept) world.begin({ do: 'lag', changes: 0 })
  await vi.advanceTimersByTimeAsync(300_000)
  return world
}

async function settled(world: World): Promise<void> {
  const converged = world.converge()
  await vi.advanceTimersByTimeAsync(300_000)
  await converged
}

describe('with every rule kept', () => {
  it('a client reads what it wrote, never goes back, nothing is older than the bound, and all converge', async () => {
    const served: Record<string, number> = {}
    await fc.assert(
      fc.asyncProperty(run, async (each) => {
        const world = await play(each, PROTOCOL)
        if (each.cutEvery === 0) await settled(world)
        expect(world.violations).toEqual([])
        for (const [from, count] of Object.entries(world.served)) {
          served[from] = (served[from] ?? 0) + count
        }
      }),
      { numRuns: RUNS, seed: SEED },
    )
    for (const from of ['memory', 'colo', 'origin', 'stale', 'unavailable']) {
      expect(served[from], from).toBeGreaterThan(RUNS / 50)
    }
  }, 120_000)

  it('a tier below that answers with less than its minimum costs answers, never their truth', async () => {
    await fc.assert(
      fc.asyncProperty(run, async (each) => {
        const world = await play(each, { ...PROTOCOL, minimumKept: false })
        expect(world.violations).toEqual([])
      }),
      { numRuns: RUNS, seed: SEED },
    )
  }, 120_000)
})

class IgnoresFloor extends Knowledge {
  override isFresh(entry: Judged): boolean {
    return super.isFresh({ ...entry, stamp: Math.max(entry.stamp, this.floor) })
  }
}

class IgnoresChanges extends Knowledge {
  override isFresh(entry: Judged): boolean {
    return super.isFresh({ ...entry, tags: [] })
  }
}

class IgnoresHistory extends Knowledge {
  override isFresh(entry: Judged): boolean {
    return super.isFresh({ ...entry, history: this.history ?? entry.history })
  }
}

class ForgetsPositions extends Knowledge {
  override positionOf(entry: Judged): Position {
    return { n: 0, history: super.positionOf(entry).history }
  }
}

class LearnsPastGaps extends Knowledge {
  override apply(batch: Parameters<Knowledge['apply']>[0]) {
    return super.apply(batch.from > this.n ? { ...batch, from: Math.max(this.n, 0) } : batch)
  }
}

class IgnoresPositions extends CachedReads {
  override fromMemory(...[request, wait]: Parameters<CachedReads['fromMemory']>) {
    return super.fromMemory({ ...request, position: null }, wait)
  }

  override read(...[request, wait]: Parameters<CachedReads['read']>) {
    return super.read({ ...request, position: null }, wait)
  }
}

class AsksForNothing extends CachedReads {
  protected override minimumFor(): Position | null {
    return null
  }

  protected override isEnough(): boolean {
    return true
  }
}

describe('the model finds a violation when', () => {
  it.each<[string, Partial<Rules>]>([
    ['the floor is ignored', { knowledge: () => new IgnoresFloor() }],
    ['changes are ignored', { knowledge: () => new IgnoresChanges() }],
    ['histories are mixed', { knowledge: () => new IgnoresHistory() }],
    ['answers carry no position', { knowledge: () => new ForgetsPositions() }],
    ['gaps are passed over', { knowledge: () => new LearnsPastGaps() }],
    ['positions are ignored', { reads: (parts) => new IgnoresPositions(parts) }],
    ['no minimum is asked for', { reads: (parts) => new AsksForNothing(parts) }],
    ['a shared copy hides its age', { sharedLifeMs: 4_000, sharedAgeMs: () => 0 }],
    ['a position is checked against the shared copy', { forcedPastShared: false }],
    ['the stamp is read after the document', { stampInStatement: false }],
    ['numbers come from a sequence', { numbersAtCommit: false }],
  ])(
    '%s',
    async (_, broken) => {
      const outcome = await fc.check(
        fc.asyncProperty(run, async (each) => {
          const world = await play(each, { ...PROTOCOL, ...broken })
          expect(world.violations).toEqual([])
        }),
        { numRuns: RUNS_TO_CATCH, seed: SEED, endOnFailure: true },
      )
      expect(outcome.failed).toBe(true)
    },
    120_000,
  )
})
