/** What an isolate of the edge may cost, each with its limit. */
import { gzipSync } from 'node:zlib'
import { edgeMemory } from './limits/edge-memory.ts'
import { edgeStart } from './limits/edge-start.ts'
import type { Stage } from './stage.ts'
import { bundledEdge } from './workerd.ts'

export interface LimitSpec {
  readonly name: string
  readonly unit: 'KiB' | 'ms' | 'MiB'
  /** The most that the value may be. */
  readonly limit: number
  readonly about: string
  measure(stage: Stage): Promise<number>
}

export interface Limit {
  readonly name: string
  readonly value: number
  readonly unit: LimitSpec['unit']
  readonly limit: number
  readonly ok: boolean
}

export const limits: readonly LimitSpec[] = [
  {
    name: 'edge-bundle',
    unit: 'KiB',
    limit: 150,
    about: 'the Worker that a deployment uploads, gzipped',
    measure: async ({ folder }) => gzipSync(bundledEdge(folder)).byteLength / 1_024,
  },
  {
    name: 'edge-start',
    unit: 'ms',
    limit: 25,
    about: 'CPU of a fresh isolate up to its first answer, above that of a bare Worker',
    measure: edgeStart,
  },
  {
    name: 'edge-memory',
    unit: 'MiB',
    limit: 64,
    about: 'heap and buffers of an isolate whose memory is full of entries',
    measure: edgeMemory,
  },
]

export function limitOf(spec: LimitSpec, value: number): Limit {
  const { name, unit, limit } = spec
  return { name, value: Math.round(value * 10) / 10, unit, limit, ok: value <= limit }
}
