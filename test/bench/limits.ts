/** What an isolate of the edge may cost, and a storm of sign-ins, each with its limit. */
import { gzipSync } from 'node:zlib'
import { edgeMemory } from './limits/edge-memory.ts'
import { edgeStart } from './limits/edge-start.ts'
import { signInStorm } from './limits/sign-in-storm.ts'
import type { Plan } from './measure.ts'
import type { Stage } from './stage.ts'
import { bundledEdge } from './workerd.ts'

export interface LimitSpec {
  readonly name: string
  readonly unit: 'KiB' | 'ms' | 'MiB' | '×'
  /** The most that the value may be. */
  readonly limit: number
  readonly about: string
  /** Left out of a quick run, unless it is asked for by name. */
  readonly isLong?: true
  measure(stage: Stage, plan: Plan): Promise<Measured>
}

export interface Measured {
  readonly value: number
  /** What else is worth printing. */
  readonly notes?: Readonly<Record<string, number>>
}

export interface Limit {
  readonly name: string
  readonly value: number
  readonly unit: LimitSpec['unit']
  readonly limit: number
  readonly ok: boolean
  readonly notes: Readonly<Record<string, number>>
}

export const limits: readonly LimitSpec[] = [
  {
    name: 'edge-bundle',
    unit: 'KiB',
    limit: 150,
    about: 'the Worker that a deployment uploads, gzipped',
    measure: async ({ folder }) => ({ value: gzipSync(bundledEdge(folder)).byteLength / 1_024 }),
  },
  {
    name: 'edge-start',
    unit: 'ms',
    limit: 25,
    about: 'CPU of a fresh isolate up to its first answer, above that of a bare Worker',
    measure: async (stage) => ({ value: await edgeStart(stage) }),
  },
  {
    name: 'edge-memory',
    unit: 'MiB',
    limit: 64,
    about: 'heap and buffers of an isolate whose memory is full of entries',
    measure: async (stage) => ({ value: await edgeMemory(stage) }),
  },
  {
    name: 'sign-in-storm',
    unit: '×',
    limit: 1.5,
    about:
      'p99 of product reads while 5,000 people sign in at once, to that of a calm; with --quick only if named, of 500',
    isLong: true,
    measure: signInStorm,
  },
]

export function limitOf(spec: LimitSpec, { value, notes = {} }: Measured): Limit {
  const { name, unit, limit } = spec
  const round = (exact: number, steps: number) => Math.round(exact * steps) / steps
  return {
    name,
    value: round(value, unit === '×' ? 100 : 10),
    unit,
    limit,
    ok: value <= limit,
    notes: Object.fromEntries(Object.entries(notes).map(([note, of]) => [note, round(of, 100)])),
  }
}
