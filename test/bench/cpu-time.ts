/** What a process has cost, whatever else the machine did meanwhile. */
import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts the time that each thread was on a processor, in nanoseconds; other systems only round it. */
export function cpuMsOf(pid: number): number {
  const folder = `/proc/${pid}/task`
  const spentNs = readdirSync(folder).map((thread) =>
    Number(readFileSync(`${folder}/${thread}/schedstat`, 'utf8').split(' ', 1)[0]),
  )
  return spentNs.reduce((sum, ns) => sum + ns, 0) / 1e6
}
