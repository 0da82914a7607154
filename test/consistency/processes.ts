/** Processes of a run: they say when they are ready, may be paused and killed, and end with the run. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { owned } from '../bench/child.ts'

const OUTPUT_CHARACTERS_MAX = 20_000

export interface RunningProcess {
  /** What the ready line's pattern captured. */
  readonly captured: string
  /** The newest of what it has written. */
  output(): string
  signal(name: NodeJS.Signals): void
  /** Kills it and waits until it is gone. */
  kill(): Promise<void>
}

/**
 * Starts a program and waits for the line on its output that says that it serves.
 *
 * @throws {Error} with what the program wrote, when it ends first.
 */
export async function startProcess(options: {
  command: readonly [string, ...string[]]
  ready: RegExp
  folder: string
  environment: Record<string, string | undefined>
}): Promise<RunningProcess> {
  const { command, ready, folder, environment } = options
  const [program, ...rest] = command
  const child = owned(
    spawn(program, rest, { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] }),
  )
  let written = ''
  const captured = await new Promise<string>((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      written = (written + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX)
      const match = ready.exec(written)
      if (match !== null) resolve(match[1] ?? '')
    }
    child.stdout!.on('data', onData)
    child.stderr!.on('data', onData)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}: ${written}`)))
  })
  return {
    captured,
    output: () => written,
    signal: (name) => child.kill(name),
    kill: () => killed(child),
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
