/** A cell as it runs: a process of its own, `node regional/main.ts`, on a test's database. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { knowTestTokens } from './identity.ts'
import { testEnvironment } from './services.ts'

const MAIN = fileURLToPath(new URL('../../regional/main.ts', import.meta.url))

export interface CellProcess {
  readonly url: string
  readonly process: ChildProcess
  /** All it has written. */
  output(): string
  /** Sends a signal and waits until it is gone: its exit code, or `null` when the signal killed it. */
  end(signal?: NodeJS.Signals): Promise<number | null>
}

/** @throws {Error} with all it wrote, when it ends before it is ready. */
export async function startCellProcess(
  databaseUrl: string,
  environment: Record<string, string> = {},
): Promise<CellProcess> {
  await knowTestTokens(databaseUrl)
  const { child, lines, exited } = spawnCell(databaseUrl, environment)
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const { msg, url } = JSON.parse(line) as { msg?: string; url?: string }
      if (msg === 'ready' && url !== undefined) resolve(url)
    })
    void exited.then(() => reject(new Error(`The cell ended:\n${lines.join('\n')}`)))
  })
  return {
    url,
    process: child,
    output: () => lines.join('\n'),
    end: async (signal = 'SIGTERM') => {
      child.kill(signal)
      return await exited
    },
  }
}

/** Starts a cell that is expected to refuse: its exit code, and what it wrote. */
export async function refusedCell(
  databaseUrl: string,
  environment: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  const { lines, exited } = spawnCell(databaseUrl, environment)
  return { code: await exited, output: lines.join('\n') }
}

function spawnCell(databaseUrl: string, environment: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH,
      ...testEnvironment(databaseUrl, { LOG_LEVEL: 'info', PORT: '0', ...environment }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  for (const input of [child.stdout!, child.stderr!]) {
    createInterface({ input }).on('line', (line) => lines.push(line))
  }
  const exited = once(child, 'close').then(() => child.exitCode)
  return { child, lines, exited }
}
