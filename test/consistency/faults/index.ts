/** All faults, by name. */
import type { EdgeMaker } from '../edges.ts'
import type { Extra, Scene } from '../scene.ts'
import type { Stage } from '../stage.ts'
import type { Load } from '../workload.ts'
import { clockOff } from './clock-off.ts'
import { feedCut, feedDelayed, feedLost, feedReordered, feedRepeated } from './feed.ts'
import { heldTransaction, writerDies } from './held-commits.ts'
import { isolateEvicted, isolatePaused, oldSharedCopy } from './isolates.ts'
import { backendKilled, cellRestart, postgresKilled, twoCells } from './processes.ts'
import { relayDead } from './relay-dead.ts'
import { replicaLagging } from './replica-lagging.ts'
import { restore } from './restore.ts'

/** Something that goes wrong, again and again, while shoppers read and staff write. */
export interface Fault {
  readonly name: string
  /** One line for `--help`. */
  readonly about: string
  /** Cell processes; one when left out. */
  readonly cells?: number
  /** How many edges it needs, whatever the run was to have. */
  readonly edgesMin?: number
  readonly makeEdge?: EdgeMaker
  /** `ORDINARY_LOAD` when left out. */
  readonly load?: Load
  /** No edge is a real workerd. */
  readonly isOwnEdgesOnly?: boolean
  /** Starts what the system has beside the ordinary, and acts upon it in the place of `run`. */
  readonly extra?: (stage: Stage, database: string) => Promise<Extra>
  /** Goes on until the scene heals, and leaves everything whole. */
  readonly run?: (scene: Scene) => Promise<void>
}

export const faults: readonly Fault[] = [
  heldTransaction,
  writerDies,
  feedDelayed,
  feedLost,
  feedRepeated,
  feedReordered,
  feedCut,
  oldSharedCopy,
  cellRestart,
  backendKilled,
  postgresKilled,
  isolatePaused,
  isolateEvicted,
  restore,
  twoCells,
  clockOff,
  relayDead,
  replicaLagging,
]
