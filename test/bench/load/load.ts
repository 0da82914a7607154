/** Load on a server: keep-alive connections, one request at a time on each, and what came of it. */
import type { Sample } from '../measure.ts'
import { type SocketLoad, socketLoad } from './sockets.ts'
import { findWrk, wrkLoad } from './wrk.ts'

export interface Load {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** Sent in order and, past the last, from the first again. */
  readonly requests: readonly Buffer[]
}

const wrk = findWrk()

/** Which generator `loadFor` uses on this machine. */
export const generator = wrk === null ? 'built-in sockets' : 'wrk'

/** @throws {Error} when a single request failed or was refused: such a turn measures nothing. */
export async function loadFor(load: Load): Promise<Sample> {
  return wrk === null ? await socketLoad(timed(load)) : await wrkLoad(wrk, load)
}

/** Sends each request once. */
export async function loadOnce(load: Omit<Load, 'seconds'>): Promise<Sample> {
  return await socketLoad({ ...load, requestsMax: load.requests.length, secondsMax: 120 })
}

function timed({ seconds, ...load }: Load): SocketLoad {
  return { ...load, requestsMax: Number.POSITIVE_INFINITY, secondsMax: seconds }
}
