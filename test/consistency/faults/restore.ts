/** Postgres comes back with an older copy of its data: answered writes are gone, and their numbers are given again. */
import { join } from 'node:path'
import type { Scene } from '../scene.ts'
import { truthInDatabase } from '../truth.ts'
import type { Fault } from './index.ts'

/** How much is lost. */
const LOST_MS = [500, 1_200] as const

export const restore: Fault = {
  name: 'restore',
  about: 'Postgres is put back to an older copy of its data directory',
  run: (scene) =>
    scene.repeatedly([300, 600], async () => {
      const { history } = scene.state.checker
      const copy = join(scene.stage.folder, 'copy')
      const { states } = await scene.state.withoutWriters(async () => {
        await whileStopped(scene, () => scene.postgres.copyTo(copy))
        return await truthInDatabase(scene.postgres, scene.database)
      })
      await scene.rest(...LOST_MS)
      await scene.state.withoutWriters(async () => {
        // Whoever reads next may be shown it before we hear that Postgres is there again.
        const change = history.begin(states, performance.now())
        await whileStopped(scene, () => scene.postgres.putBack(copy))
        history.acknowledge(change, performance.now())
      })
    }),
}

async function whileStopped(scene: Scene, work: () => Promise<void>): Promise<void> {
  await scene.postgres.kill()
  await work()
  await scene.postgres.start()
}
