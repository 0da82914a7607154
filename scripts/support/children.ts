/** Child processes that never outlive their parent, with their output under a short label. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import { endGroups } from './process-groups.ts'
import { ROOT } from './state.ts'

export interface ChildOptions {
  label: string
  command: readonly [string, ...string[]]
  env?: Record<string, string | undefined>
  /** Turns a line of output into what is shown; `null` shows nothing. */
  show?: (line: string) => string | null
}

export class Children {
  readonly #reaper: ChildProcess
  readonly #children = new Map<number, string>()
  readonly #onLoss: (label: string) => void
  #ending = false

  /** @param onLoss told when a child ends by itself. */
  constructor(onLoss: (label: string) => void) {
    this.#onLoss = onLoss
    const reaper = fileURLToPath(new URL('reaper.ts', import.meta.url))
    this.#reaper = spawn(process.execPath, [reaper], {
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    this.#reaper.stdin!.on('error', () => {})
  }

  /** Starts a child in a process group of its own, so that a Ctrl-C reaches it only through us, in order. */
  start({ label, command, env, show = (line) => line }: ChildOptions): ChildProcess {
    const [program, ...args] = command
    const child = spawn(program, args, {
      cwd: ROOT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        const shown = show(line)
        if (shown !== null && shown.trim() !== '')
          console.log(`${styleText('dim', label.padEnd(8))} ${shown}`)
      })
    }
    if (child.pid !== undefined) {
      this.#children.set(child.pid, label)
      this.#reaper.stdin!.write(`${child.pid}\n`)
    }
    child.once('error', () => this.#lost(label))
    child.once('exit', () => {
      if (!this.#ending) this.#lost(label)
    })
    return child
  }

  /** Ends the children named, or all, and waits until their groups are empty. */
  async end(...labels: string[]): Promise<void> {
    this.#ending = true
    const leaders = [...this.#children].filter(
      ([, label]) => labels.length === 0 || labels.includes(label),
    )
    await endGroups(leaders.map(([pid]) => pid))
    for (const [pid] of leaders) this.#children.delete(pid)
    if (this.#children.size === 0) this.#reaper.stdin!.end()
  }

  #lost(label: string): void {
    if (!this.#ending) this.#onLoss(label)
  }
}
