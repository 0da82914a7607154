/** A streaming replica from which cached reads are made, and which stops replaying now and then, or is killed. */
import { asApp } from '../../support/app-login.ts'
import { startReplica } from '../../support/replica.ts'
import type { Scene } from '../scene.ts'
import type { Fault } from './index.ts'

const BETWEEN_MS = [200, 700] as const
const LAG_MS = [200, 2_600] as const

export const replicaLagging: Fault = {
  name: 'replica-lagging',
  about: 'cached reads come from a streaming replica that stops replaying, or is killed',
  extra: async ({ postgres }, database) => {
    const replica = await startReplica(postgres)
    return {
      cell: { DATABASE_REPLICA_URL: asApp(replica.urlOf(database)) },
      run: async (scene) => {
        await scene.repeatedly(BETWEEN_MS, async () => {
          if (scene.random.chance(0.2)) {
            await replica.kill()
            await replica.start()
            return
          }
          await replica.pause()
          await scene.rest(...LAG_MS)
          await replica.resume()
        })
        if ((await readsOfReplica(scene)) === 0) throw new Error('the cell never read the replica')
      },
      close: () => replica.stop(),
    }
  },
}

async function readsOfReplica({ cells }: Scene): Promise<number> {
  const response = await fetch(`${cells.urls[0]}/health/cell`)
  const { shield } = (await response.json()) as { shield: { snapshots: { replica: number } } }
  return shield.snapshots.replica
}
