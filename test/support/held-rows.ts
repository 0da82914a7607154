/** Rows that a test keeps locked, so that what runs at once meets where it is to. */
import pg from 'pg'
import { vi } from 'vitest'
import { queryRows } from './database.ts'

/** How long until something that was started waits for a lock. */
const WAITING_MS_MAX = 10_000

/**
 * Runs a statement in a transaction that stays open until each of `works`, begun one after the other, waits for a lock.
 *
 * @returns what they come to once it is committed.
 */
export async function meetingAt<T extends readonly unknown[]>(
  url: string,
  held: { text: string; values: unknown[] },
  works: { [K in keyof T]: () => Promise<T[K]> },
): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('begin')
    await client.query(held.text, held.values)
    const begun: Promise<unknown>[] = []
    for (const work of works) {
      begun.push(work())
      await waiting(url, begun.length)
    }
    await client.query('commit')
    return (await Promise.all(begun)) as unknown as T
  } finally {
    await client.end()
  }
}

async function waiting(url: string, count: number): Promise<void> {
  const text = `select 1 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`
  const look = async () => {
    const found = await queryRows(url, text)
    if (found.length < count) throw new Error(`${found.length} of ${count} wait for a lock`)
  }
  await vi.waitFor(look, { timeout: WAITING_MS_MAX, interval: 10 })
}
