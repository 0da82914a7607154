/**
 * Load on a server: keep-alive connections, one request at a time on each, and what came of it.
 *
 * It has sockets of its own, because it must send what was signed beforehand, byte for byte, each once, and because it
 * then costs the same on every machine: about 10 µs a request, a fraction of the least of the floors.
 */
import { connect, type Socket } from 'node:net'
import { percentile, type Sample } from './measure.ts'
import { ResponseReader } from './response-reader.ts'

export interface Load {
  readonly port: number
  readonly connections: number
  readonly requests: readonly Buffer[]
}

/** Sends the requests in order and, past the last, from the first again. */
export async function loadFor(load: Load, seconds: number): Promise<Sample> {
  return await converseAll(load, { requestsMax: Number.POSITIVE_INFINITY, secondsMax: seconds })
}

const ONCE_SECONDS_MAX = 120

/** Sends each request once. */
export async function loadOnce(load: Load): Promise<Sample> {
  const { length } = load.requests
  return await converseAll(load, { requestsMax: length, secondsMax: ONCE_SECONDS_MAX })
}

/** @throws {Error} when a single request failed or was refused: such a turn measures nothing. */
async function converseAll(
  { port, connections, requests }: Load,
  { requestsMax, secondsMax }: { requestsMax: number; secondsMax: number },
): Promise<Sample> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => opened(port)))
  const latenciesMs: number[] = []
  let sent = 0
  const startedAtMs = performance.now()
  const endsAtMs = startedAtMs + secondsMax * 1e3
  const next = () => {
    if (sent >= requestsMax || performance.now() >= endsAtMs) return null
    sent += 1
    return requests[(sent - 1) % requests.length]!
  }
  try {
    await Promise.all(sockets.map((socket) => converse(socket, next, latenciesMs)))
  } finally {
    for (const socket of sockets) socket.destroy()
  }
  const seconds = (performance.now() - startedAtMs) / 1e3
  return {
    perSecond: latenciesMs.length / seconds,
    p99Ms: percentile(Float64Array.from(latenciesMs), 99),
  }
}

/** One request after the other, until there is none. */
function converse(socket: Socket, next: () => Buffer | null, latenciesMs: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentAtMs = 0
    const send = () => {
      const request = next()
      if (request === null) return resolve()
      sentAtMs = performance.now()
      socket.write(request)
    }
    const reader = new ResponseReader(({ status, body }) => {
      latenciesMs.push(performance.now() - sentAtMs)
      if (status < 400) return send()
      reject(new Error(`a request was refused: ${status} ${body().slice(0, 300)}`))
    })
    socket.on('data', (chunk) => reader.take(chunk))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server closed a connection')))
    send()
  })
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })
}
