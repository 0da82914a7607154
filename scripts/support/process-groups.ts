/** Ends process groups: asks their leaders, waits a bounded time, then kills what is left. */
import { setTimeout as delay } from 'node:timers/promises'

/** Longer than a drain of the cell may take in development. */
const END_MS_MAX = 8_000
const LOOK_EVERY_MS = 25

/** @param leaders each the id of a process and of its group. */
export async function endGroups(leaders: readonly number[]): Promise<void> {
  // The leader alone: it passes the wish on, and a child asked twice would leave at once.
  for (const leader of leaders) signal(leader, 'SIGINT')
  const deadline = performance.now() + END_MS_MAX
  while (leaders.some(isGroupAlive) && performance.now() < deadline) {
    // What outlives its leader has nobody to ask it any more.
    for (const leader of leaders) if (!signal(leader, 0)) signal(-leader, 'SIGKILL')
    await delay(LOOK_EVERY_MS)
  }
  for (const leader of leaders) signal(-leader, 'SIGKILL')
}

function isGroupAlive(leader: number): boolean {
  return signal(-leader, 0)
}

/** @returns whether there was something to signal. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
