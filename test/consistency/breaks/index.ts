/** All parts of the protocol that can be taken out, by name. */
import type { EdgeMaker } from '../edges.ts'
import type { Fault } from '../faults/index.ts'
import type { OwnCell, Scene } from '../scene.ts'
import type { Load } from '../workload.ts'
import { clock, stamp } from './cell.ts'
import { flight, floor, gap, incarnation, max, minimum, position } from './edge.ts'

/** A rule that is not kept, and the load and the fault under which that shows. */
export interface Break {
  readonly name: string
  /** One line for `--help`. */
  readonly about: string
  readonly makeEdge?: EdgeMaker
  /** Edges that keep the rule in the same circumstances; the product's own when left out. */
  readonly makeControl?: EdgeMaker
  readonly edgesMin?: number
  readonly ownCell?: (databaseUrl: string) => Promise<OwnCell>
  /** Before anybody reads. */
  readonly prepare?: (scene: Scene) => Promise<void>
  readonly load?: Load
  readonly fault?: Pick<Fault, 'run'>
}

/** The same load and fault with the rule kept, in which nothing may be noticed. */
export function controlOf(broken: Break): Fault {
  const { name, about, edgesMin, makeControl, load, fault } = broken
  return {
    name: `${name} kept`,
    about: `not so: ${about}`,
    isOwnEdgesOnly: true,
    ...(edgesMin && { edgesMin }),
    ...(makeControl && { makeEdge: makeControl }),
    ...(load && { load }),
    ...(fault?.run && { run: fault.run }),
  }
}

export const breaks: readonly Break[] = [
  clock,
  stamp,
  max,
  position,
  minimum,
  floor,
  gap,
  incarnation,
  flight,
]
