/**
 * Where development keeps its state: `.tradewind/`, beside the sources and never committed, or the folder that
 * `TRADEWIND_STATE` names.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const STATE_FOLDER = resolve(process.env.TRADEWIND_STATE ?? join(ROOT, '.tradewind'))
export const KEYS_FOLDER = join(STATE_FOLDER, 'keys')
const DEV_FILE = join(STATE_FOLDER, 'dev.json')
const LOCK_FILE = join(STATE_FOLDER, 'dev.pid')

/** The development system that runs now. */
export interface DevState {
  edgeUrl: string
  cellUrl: string
  databaseUrl: string
  pid: number
}

export function writeDevState(state: DevState): void {
  writeFileSync(DEV_FILE, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
}

export function clearDevState(): void {
  rmSync(DEV_FILE, { force: true })
}

/** @returns `null` when no system runs. */
export function readDevState(): DevState | null {
  if (!existsSync(DEV_FILE)) return null
  const state = JSON.parse(readFileSync(DEV_FILE, 'utf8')) as DevState
  return isDevelopment(state.pid) ? state : null
}

/**
 * Takes this folder for one development system.
 *
 * @returns the process that has it already, or `null` when it is ours now.
 */
export function takeFolder(): number | null {
  mkdirSync(STATE_FOLDER, { recursive: true })
  const holder = existsSync(LOCK_FILE) ? Number(readFileSync(LOCK_FILE, 'utf8')) : 0
  if (holder !== process.pid && isDevelopment(holder)) return holder
  writeFileSync(LOCK_FILE, String(process.pid))
  return null
}

export function leaveFolder(): void {
  clearDevState()
  rmSync(LOCK_FILE, { force: true })
}

/** True when that process lives and, where it can be seen, is a development system: ids are used again. */
function isDevelopment(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return false
  const commandLine = `/proc/${pid}/cmdline`
  return !existsSync(commandLine) || readFileSync(commandLine, 'utf8').includes('dev.ts')
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
