/** Isolates that stand still, or end and begin again beside a colo that remembers; and a colo that remembers too much. */
import { FEED_WINDOW } from '../../../shared/freshness/feed.ts'
import { pruneTo, tickMany } from './feed-changes.ts'
import type { Fault } from './index.ts'

const BETWEEN_MS = [400, 900] as const
/** Past the age at which an isolate must ask, or not. */
const PAUSED_MS = [300, 2_600] as const
/** Changes that are left for an isolate that wakes up. */
const KEPT_CHANGES = 5
/** How many times longer than it was told the colo keeps a feed's answer. */
const LIFE_FACTOR = 5

export const isolatePaused: Fault = {
  name: 'isolate-paused',
  about: 'an isolate stands still while changes pass that are then kept no longer',
  run: (scene) =>
    scene.repeatedly(BETWEEN_MS, async () => {
      const workerd = scene.random.pick([...scene.edges.workerds.values()])
      workerd.signal('SIGSTOP')
      try {
        await scene.rest(...PAUSED_MS)
        await tickMany(scene, KEPT_CHANGES * 2)
        await pruneTo(scene, KEPT_CHANGES)
      } finally {
        workerd.signal('SIGCONT')
      }
    }),
}

export const isolateEvicted: Fault = {
  name: 'isolate-evicted',
  about: 'isolates begin anew in a colo that kept what the earlier ones stored',
  run: (scene) =>
    scene.repeatedly(BETWEEN_MS, async () => {
      if (scene.random.chance(0.3)) await tickMany(scene, FEED_WINDOW + scene.random.below(50))
      await scene.edges.start(scene.random.below(scene.edges.all.length))
    }),
}

export const oldSharedCopy: Fault = {
  name: 'old-shared-copy',
  about:
    'a colo keeps answers of the feed too long, and puts older ones in the place of newer ones',
  run: async (scene) => {
    for (const colo of scene.edges.colos) colo.feedLifeFactor = LIFE_FACTOR
    await scene.repeatedly([50, 300], async () => {
      for (const colo of scene.edges.colos) colo.putOlderFeed(scene.random)
    })
    for (const colo of scene.edges.colos) colo.feedLifeFactor = 1
  },
}
