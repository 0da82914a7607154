/**
 * Outlives the process that started it, and ends that one's children when it is gone, however it went.
 *
 * Each line on standard input names a child's process group; the end of the input says that the parent is gone. Run
 * it detached, so that a signal to the parent's group does not reach it.
 */
import { createInterface } from 'node:readline'
import { endGroups } from './process-groups.ts'

const groups: number[] = []
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
for await (const line of createInterface({ input: process.stdin })) groups.push(Number(line))
await endGroups(groups)
