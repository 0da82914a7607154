/** What a cell's shield has counted: whether it, or the database behind it, was measured. */
import type { ReadCounters } from '../../shared/freshness/cached-reads.ts'

export async function readsOf(port: number): Promise<ReadCounters> {
  const response = await fetch(`http://127.0.0.1:${port}/health/cell`)
  const { shield } = (await response.json()) as { shield: { reads: ReadCounters } }
  return shield.reads
}
