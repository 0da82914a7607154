/** Programs that the bench starts, and ends with itself. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

const running = new Set<ChildProcess>()
const STOP_MS_MAX = 5_000

export interface Started {
  /** What the ready line's pattern captured. */
  readonly captured: string
  readonly pid: number
  stop(): Promise<void>
}

/**
 * Starts a program and waits for the line on its output that says that it serves.
 *
 * @param ready its first group is captured.
 * @throws {Error} with what the program wrote, when it ends first.
 */
export async function start(
  command: readonly [string, ...string[]],
  ready: RegExp,
  options: SpawnOptions = {},
): Promise<Started> {
  const [program, ...rest] = command
  const child = spawn(program, rest, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let written = ''
  const captured = await new Promise<string>((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      written = (written + chunk.toString()).slice(-20_000)
      const match = ready.exec(written)
      if (match !== null) resolve(match[1] ?? '')
    }
    child.stdout?.on('data', onData)
    child.stderr?.on('data', onData)
    child.once('error', reject)
    child.once('exit', (code) => {
      running.delete(child)
      reject(new Error(`${program} ended with ${code}: ${written}`))
    })
  })
  return { captured, pid: child.pid!, stop: () => stopped(child) }
}

/** Keeps a child that was started in another way in the list of those that end with the bench. */
export function owned<Child extends ChildProcess>(child: Child): Child {
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

export async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const cut = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await ended
  clearTimeout(cut)
}

/** For a bench that is interrupted. */
export function killChildren(): void {
  for (const child of running) child.kill('SIGKILL')
}
