/** An edge whose clock is an hour off and jumps, beside one in the same colo whose clock is right. */
import { edgeWith } from '../policies.ts'
import type { Fault } from './index.ts'

const HOUR_MS = 3_600_000
const JUMPS_MS = [-HOUR_MS, -2_500, -400, 0, 400, 2_500, HOUR_MS] as const
const EDGES_MIN = 4
/** In one colo with the first edge, a real workerd. */
const SKEWED_EDGE = 3

let offMs = 0

export const clockOff: Fault = {
  name: 'clock-off',
  about: 'an edge’s clock is an hour off and jumps; it shares a colo with one that is right',
  edgesMin: EDGES_MIN,
  makeEdge: edgeWith((index) => {
    return index === SKEWED_EDGE ? { now: () => Date.now() + offMs } : {}
  }),
  run: (scene) =>
    scene.repeatedly([100, 1_200], async () => {
      offMs = scene.random.pick(JUMPS_MS)
    }),
}
