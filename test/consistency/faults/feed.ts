/** The feed on its way from the cell to the edges: delayed, lost, repeated, out of order, cut. */
import { setTimeout as delay } from 'node:timers/promises'
import { sealKeyOf } from '../../../regional/platform/edge-signature.ts'
import { answerPlace, type Batch, FEED_BATCH_MAX } from '../../../shared/freshness/feed.ts'
import { seal, unseal } from '../../../shared/signing/seal.ts'
import { edgeSecret } from '../../support/keys.ts'
import type { FeedAnswer, FeedWay } from '../front.ts'
import type { Scene } from '../scene.ts'
import { ORDINARY_LOAD } from '../workload.ts'
import { tickMany } from './feed-changes.ts'
import type { Fault } from './index.ts'

/** Up to a little more than an edge waits. */
const DELAY_MS_MAX = 2_300
/** For so long nothing comes through at all, and for so long everything does. */
const LOST_MS = [300, 2_600] as const
const FOUND_MS = [400, 1_600] as const
/** An answer is held until the next one has passed it, or so long. */
const HELD_MS_MAX = 400
/** An answer that is given again is at most so old. */
const REPEATED_ANSWERS_MAX = 20
const CUT_CHANGES_MAX = 3

export const feedDelayed: Fault = {
  name: 'feed-delayed',
  about: 'questions and answers of the feed take up to 2.3 s',
  // Everybody waits, so there are more of them.
  load: { ...ORDINARY_LOAD, writers: 8, carriers: 12, strangers: 8 },
  run: (scene) =>
    withFeedWay(scene, async (ask) => {
      await delay(lateMs(scene))
      const answer = await ask()
      await delay(lateMs(scene))
      return answer
    }),
}

/** Mostly short, now and then very long. */
function lateMs({ random }: Scene): number {
  return (DELAY_MS_MAX / 2) * random.next() ** 3
}

export const feedLost: Fault = {
  name: 'feed-lost',
  about: 'answers of the feed are lost, one by one and for seconds on end',
  run: async (scene) => {
    let isLost = false
    const losing = scene.repeatedly(FOUND_MS, async () => {
      isLost = true
      await scene.rest(...LOST_MS)
      isLost = false
    })
    await withFeedWay(scene, async (ask) => {
      const answer = await ask()
      return isLost || scene.random.chance(0.2) ? null : answer
    })
    await losing
  },
}

export const feedRepeated: Fault = {
  name: 'feed-repeated',
  about: 'an earlier answer of the feed comes in the place of a new one',
  run: (scene) => {
    const earlier: FeedAnswer[] = []
    return withFeedWay(scene, async (ask) => {
      if (earlier.length > 0 && scene.random.chance(0.4)) return scene.random.pick(earlier)
      const answer = await ask()
      earlier.push(answer)
      if (earlier.length > REPEATED_ANSWERS_MAX) earlier.shift()
      return answer
    })
  },
}

export const feedReordered: Fault = {
  name: 'feed-reordered',
  about: 'a later answer of the feed overtakes an earlier one',
  run: (scene) => {
    let passOn = () => {}
    return withFeedWay(scene, async (ask) => {
      const answer = await ask()
      passOn()
      if (scene.random.chance(0.5)) {
        const overtaken = new Promise<void>((resolve) => {
          passOn = resolve
        })
        await Promise.race([overtaken, delay(HELD_MS_MAX)])
      }
      return answer
    })
  },
}

export const feedCut: Fault = {
  name: 'feed-cut',
  about: `answers hold 1 to ${CUT_CHANGES_MAX} changes, and more than ${FEED_BATCH_MAX} come at once`,
  run: async (scene) => {
    let isCutting = true
    const bursting = scene.repeatedly([800, 1_500], async () => {
      // So many cuts in a row are given up; a burst is cut by the cell itself.
      isCutting = false
      await tickMany(scene, FEED_BATCH_MAX + 200)
      await scene.rest(300, 600)
      isCutting = true
    })
    await withFeedWay(scene, async (ask) => {
      const answer = await ask()
      return isCutting ? cutAnswer(answer, 1 + scene.random.below(CUT_CHANGES_MAX)) : answer
    })
    await bursting
  },
}

/** As a cell would answer, and seal its answer, whose batches are smaller. */
async function cutAnswer(answer: FeedAnswer, changesMax: number): Promise<FeedAnswer> {
  if (answer.status !== 200) return answer
  const place = answerPlace(answer.question)
  const keys = [sealKeyOf(edgeSecret)]
  const batch = JSON.parse((await unseal(answer.body, place, keys))!) as Batch
  if (batch.changes.length <= changesMax) return answer
  const changes = batch.changes.slice(0, changesMax)
  const cut: Batch = { ...batch, changes, to: changes.at(-1)!.n, cut: true }
  return { ...answer, body: await seal(JSON.stringify(cut), place, keys) }
}

/** Sends the feed that way until the run's time is up. */
async function withFeedWay(scene: Scene, way: FeedWay): Promise<void> {
  scene.front.feedWay = (ask, question) => {
    scene.happened += 1
    return way(ask, question)
  }
  while (!scene.isHealing) await scene.rest(100, 100)
  scene.front.heal()
}
