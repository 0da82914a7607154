/** The feed through a Redis stream whose relay falls silent, or which is itself away, slow or failing. */
import { type FrontFault, startUpstashFront } from '../../support/upstash-front.ts'
import type { Fault } from './index.ts'

const FAULTS: readonly FrontFault[] = ['silent', 'refusing', 'failing', 'slow', 'late']
const BETWEEN_MS = [500, 1_000] as const
/** Past the age at which an edge must ask, or not. */
const DEAD_MS = [300, 2_600] as const

export const relayDead: Fault = {
  name: 'relay-dead',
  about: 'the feed comes through a Redis stream; its relay dies, or the Redis',
  extra: async () => {
    const front = await startUpstashFront()
    const addressWith = (token: string) => {
      return { UPSTASH_REDIS_REST_URL: front.url, UPSTASH_REDIS_REST_TOKEN: token }
    }
    return {
      cell: addressWith(front.token),
      edge: addressWith(front.readOnlyToken),
      run: async (scene) => {
        await scene.repeatedly(BETWEEN_MS, async () => {
          const fault = scene.random.pick(FAULTS)
          // The relay alone, as when every process of the cell that could relay hangs, or everybody's Redis.
          front.fail(fault, scene.random.chance(0.5) ? { token: front.token } : {})
          await scene.rest(...DEAD_MS)
          front.restore()
        })
        if (front.requestsOf(front.readOnlyToken) === 0) throw new Error('no edge asked the Redis')
      },
      close: () => front.close(),
    }
  },
}
