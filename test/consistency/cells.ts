/** The cells of a run: processes as they run everywhere, on one database. */
import { ROOT } from '../../scripts/support/state.ts'
import { testEnvironment } from '../support/services.ts'
import { type RunningProcess, startProcess } from './processes.ts'

export class CellProcesses {
  readonly #environment: Record<string, string>
  readonly #running: (RunningProcess | null)[] = []

  /** @param databaseUrl of all of them. */
  constructor(databaseUrl: string, environment: Record<string, string> = {}) {
    this.#environment = testEnvironment(databaseUrl, environment)
  }

  /** Those that run, each at an address that it found free when it was started. */
  get urls(): string[] {
    return this.#running.flatMap((each) => (each === null ? [] : [each.captured]))
  }

  /** Starts one, for the first time or again. */
  async start(index: number): Promise<void> {
    this.#running[index] = null
    this.#running[index] = await startProcess({
      command: [process.execPath, 'regional/main.ts'],
      ready: /"url":"(http:[^"]+)"[^\n]*"msg":"ready"/,
      folder: ROOT,
      environment: { ...this.#environment, LOG_LEVEL: 'info', PORT: '0' },
    })
  }

  /** `kill -9`. */
  async kill(index: number): Promise<void> {
    const killed = this.#running[index]
    this.#running[index] = null
    await killed?.kill()
  }

  /** What they have logged of late, for a run that failed. */
  get output(): string {
    return this.#running.map((each) => each?.output() ?? '').join('\n')
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.map((_, index) => this.kill(index)))
  }
}
