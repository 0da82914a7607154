/** Rules of the edge's side that are not kept, each under the load and the fault in which that shows. */
import { FEED_WINDOW } from '../../../shared/freshness/feed.ts'
import { Knowledge } from '../../../shared/freshness/knowledge.ts'
import type { EdgeMaker } from '../edges.ts'
import { pruneTo, tickMany } from '../faults/feed-changes.ts'
import { restore as restoreFault } from '../faults/restore.ts'
import {
  edgeWith,
  lateFeed,
  WithoutFloor,
  WithoutGap,
  WithoutIncarnation,
  WithoutMax,
  WithoutMinimum,
  WithoutPosition,
  withoutFlight,
} from '../policies.ts'
import type { Scene } from '../scene.ts'
import { type Load, ORDINARY_LOAD } from '../workload.ts'
import type { Break } from './index.ts'

/** Much is changed that is not read again soon, so that old entries lie about. */
const MANY_CHANGES: Load = {
  ...ORDINARY_LOAD,
  writers: 5,
  writerRestMsMax: 20,
  readerRestMsMax: 40,
  readBacks: 1,
}

/**
 * Nobody has a position that would bring an edge up to date, and from one answer of the feed to the next there are no
 * more changes than it reaches back, so that no gap does so either.
 */
const NO_POSITIONS: Load = {
  writers: 2,
  carriers: 0,
  strangers: 10,
  writerRestMsMax: 150,
  readerRestMsMax: 20,
  readBacks: 0,
}
/** How old the feed's answers are that one edge is given by its colo; another edge there keeps them coming. */
const LATE_MS = 3_500

export const position: Break = {
  name: 'position',
  about: 'an edge ignores the position of a reader',
  makeEdge: edgeWith(() => ({ reads: (parts) => new WithoutPosition(parts) })),
}

export const minimum: Break = {
  name: 'minimum',
  about: 'an edge tells the cell no minimum, and asks none of what arrives',
  makeEdge: edgeWith(() => ({ reads: (parts) => new WithoutMinimum(parts) })),
}

export const flight: Break = {
  name: 'flight',
  about: 'a reader joins any request under way, whatever it asked for',
  makeEdge: edgeWith(withoutFlight),
  fault: {
    run: async (scene) => {
      scene.front.readDelayMsMax = 120
      scene.happened += 1
      while (!scene.isHealing) await scene.rest(100, 100)
      scene.front.readDelayMsMax = 0
    },
  },
}

export const floor: Break = {
  name: 'floor',
  about: 'a new isolate takes entries from before all it knows for fresh',
  makeEdge: edgeWith(() => ({ knowledge: () => new WithoutFloor() })),
  load: MANY_CHANGES,
  fault: {
    run: (scene) =>
      scene.repeatedly([300, 500], async () => {
        await tickMany(scene, FEED_WINDOW + 1)
        await startAnew(scene)
      }),
  },
}

export const gap: Break = {
  name: 'gap',
  about: 'changes that an isolate never saw, because they are kept no longer, are passed over',
  makeEdge: edgeWith(() => ({ knowledge: () => new WithoutGap() })),
  load: MANY_CHANGES,
  fault: {
    run: (scene) =>
      scene.repeatedly([100, 200], async () => {
        await tickMany(scene, 3)
        await pruneTo(scene, 2)
      }),
  },
}

export const max: Break = {
  name: 'max',
  about: 'an old batch of the feed takes the place of what is known',
  edgesMin: 3,
  makeEdge: givenOldBatches(() => new WithoutMax()),
  makeControl: givenOldBatches(() => new Knowledge()),
  load: NO_POSITIONS,
}

function givenOldBatches(knowledge: () => Knowledge): EdgeMaker {
  const late = (cache: Cache) => lateFeed(cache, LATE_MS)
  return edgeWith((index) => ({ knowledge, ...(index === 0 && { cache: late }) }))
}

export const incarnation: Break = {
  name: 'incarnation',
  about: 'an edge does not see that the history of the feed is another one',
  makeEdge: edgeWith(() => ({ knowledge: () => new WithoutIncarnation() })),
  fault: restoreFault,
}

async function startAnew({ edges }: Scene): Promise<void> {
  for (const [index] of edges.all.entries()) await edges.start(index)
}
