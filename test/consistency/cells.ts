/** The cells of a run: processes as they run everywhere, on one database. */
import { freePort } from '../../scripts/support/ports.ts'
import { ROOT } from '../../scripts/support/state.ts'
import { testEnvironment } from '../support/services.ts'
import { type RunningProcess, startProcess } from './processes.ts'

export class CellProcesses {
  readonly #environment: Record<string, string>
  readonly #ports: number[] = []
  readonly #running = new Map<number, RunningProcess>()

  /** @param databaseUrl of all of them. */
  constructor(databaseUrl: string, environment: Record<string, string> = {}) {
    this.#environment = testEnvironment(databaseUrl, { ...environment })
  }

  /** Starts one more. */
  async add(): Promise<void> {
    this.#ports.push(await freePort())
    await this.start(this.#ports.length - 1)
  }

  get urls(): string[] {
    return this.#ports.map((port) => `http://127.0.0.1:${port}`)
  }

  /** Starts one again, at its address. */
  async start(index: number): Promise<void> {
    const port = this.#ports[index]!
    const process = await startProcess({
      command: [globalThis.process.execPath, 'regional/main.ts'],
      ready: /"msg":"ready"/,
      folder: ROOT,
      environment: { ...this.#environment, LOG_LEVEL: 'info', PORT: String(port) },
    })
    this.#running.set(index, process)
  }

  /** `kill -9`. */
  async kill(index: number): Promise<void> {
    await this.#running.get(index)?.kill()
    this.#running.delete(index)
  }

  /** What they have logged of late, for a run that failed. */
  get output(): string {
    return [...this.#running.values()].map((each) => each.output()).join('\n')
  }

  async close(): Promise<void> {
    await Promise.all(this.#ports.map((_, index) => this.kill(index)))
  }
}
