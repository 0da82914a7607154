/**
 * Load at a steady rate, however long the answers take: who waits for one answer before the next question asks less the
 * slower the server is, and so never sees its queue.
 */
import { connect, type Socket } from 'node:net'
import { percentile } from './measure.ts'
import { ResponseReader } from './response-reader.ts'

export interface Steady {
  readonly port: number
  readonly perSecond: number
  /** Made when it is sent. */
  readonly request: () => Buffer
}

interface Line {
  readonly socket: Socket
  /** Null while it is idle. */
  sentAtMs: number | null
}

const LOOK_EVERY_MS = 2

export class OpenLoop {
  readonly #steady: Steady
  readonly #startedAtMs = performance.now()
  readonly #timer: NodeJS.Timeout
  readonly #lines = new Set<Line>()
  #idle: Line[] = []
  #latenciesMs: number[] = []
  #sent = 0
  #fault: Error | null = null

  constructor(steady: Steady) {
    this.#steady = steady
    this.#timer = setInterval(() => this.#sendDue(), LOOK_EVERY_MS)
  }

  /**
   * The latencies of what was answered since they were last taken, from sending a request to the end of its answer.
   *
   * @throws {Error} when a single request failed or was refused.
   */
  take(): number[] {
    if (this.#fault !== null) throw this.#fault
    const taken = this.#latenciesMs
    this.#latenciesMs = []
    return taken
  }

  close(): void {
    clearInterval(this.#timer)
    for (const { socket } of this.#lines) socket.destroy()
  }

  #sendDue(): void {
    const due = ((performance.now() - this.#startedAtMs) * this.#steady.perSecond) / 1e3
    for (; this.#sent < due; this.#sent += 1) {
      const line = this.#idle.pop() ?? this.#open()
      line.sentAtMs = performance.now()
      line.socket.write(this.#steady.request())
    }
  }

  #open(): Line {
    const socket = connect({ port: this.#steady.port, host: '127.0.0.1', noDelay: true })
    const line: Line = { socket, sentAtMs: null }
    this.#lines.add(line)
    const reader = new ResponseReader(({ status, body }) => {
      this.#latenciesMs.push(performance.now() - line.sentAtMs!)
      line.sentAtMs = null
      this.#idle.push(line)
      if (status !== 200) this.#failed(new Error(`a read was answered ${status}: ${body()}`))
    })
    socket.on('data', (chunk) => reader.take(chunk))
    socket.on('error', (error) => this.#failed(error))
    socket.once('close', () => this.#closed(line))
    return line
  }

  /** A server may close what is idle. */
  #closed(line: Line): void {
    if (line.sentAtMs !== null) this.#failed(new Error('the server closed a connection'))
    this.#lines.delete(line)
    this.#idle = this.#idle.filter((each) => each !== line)
  }

  #failed(error: Error): void {
    this.#fault ??= error
  }
}

export function p99Of(latenciesMs: readonly number[]): number {
  return percentile(Float64Array.from(latenciesMs), 99)
}
