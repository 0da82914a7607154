/** Load by wrk, where it is installed: it costs a fraction of a core, so that on two cores the server gets its own. */
import { execFileSync, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { owned } from '../child.ts'
import type { Sample } from '../measure.ts'
import type { Load } from './load.ts'

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url))

/** The program's path; `null` when there is none. */
export function findWrk(): string | null {
  try {
    return execFileSync('sh', ['-c', 'command -v wrk'], { encoding: 'utf8' }).trim()
  } catch {
    return null
  }
}

interface Outcome {
  requests: number
  microseconds: number
  p99Microseconds: number
  failed: number
}

export async function wrkLoad(wrk: string, load: Load): Promise<Sample> {
  const { port, connections, seconds, requests } = load
  const flags = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', SCRIPT]
  const child = owned(
    spawn(wrk, [...flags, `http://127.0.0.1:${port}/`], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  // Byte 0 separates them: it occurs in no request.
  child.stdin.end(Buffer.concat(requests.flatMap((each) => [each, Buffer.from([0])])))
  const output = await text(child.stdout)
  const line = output.split('\n').find((each) => each.startsWith('{'))
  if (line === undefined) throw new Error(`wrk reported nothing: ${output.slice(0, 500)}`)
  const outcome = JSON.parse(line) as Outcome
  if (outcome.failed > 0 || outcome.requests === 0) {
    throw new Error(`${outcome.failed} of ${outcome.requests} requests failed or were refused`)
  }
  return {
    perSecond: outcome.requests / (outcome.microseconds / 1e6),
    p99Ms: outcome.p99Microseconds / 1e3,
  }
}
