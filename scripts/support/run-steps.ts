/** Runs a list of commands, one after the other, and stops at the first that fails. */
import { spawnSync } from 'node:child_process'
import { ROOT } from './state.ts'

export interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
}

/** @returns whether every step succeeded. */
export function runSteps(steps: readonly Step[]): boolean {
  for (const { name, command } of steps) {
    const startedAt = performance.now()
    const [program, ...args] = command
    const { status } = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit' })
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
    console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`)
    if (status !== 0) return false
  }
  return true
}
