/**
 * The floor of an order: the statements of real ones, in their transactions, by the driver's prepared statements in a
 * loop. Forked with a database's URL and a number of connections; it answers each message of recordings with a sample.
 */
import { createHash } from 'node:crypto'
import pg from 'pg'
import { percentile, type Sample } from '../measure.ts'
import type { Recording, SentStatement } from '../recorded.ts'

if (import.meta.main) {
  const [databaseUrl, connections] = process.argv.slice(2) as [string, string]
  const clients = Array.from(
    { length: Number(connections) },
    () => new pg.Client({ connectionString: databaseUrl }),
  )
  await Promise.all(clients.map((client) => client.connect()))
  process.on('message', async (recordings: Recording[]) => {
    process.send!(await replayed(clients, recordings))
  })
  process.on('disconnect', () => process.exit(0))
  process.send!('ready')
}

async function replayed(clients: pg.Client[], recordings: Recording[]): Promise<Sample> {
  const latenciesMs = new Float64Array(recordings.length)
  let next = 0
  const startedAtMs = performance.now()
  const worker = async (client: pg.Client) => {
    while (next < recordings.length) {
      const index = next
      next += 1
      const sentAtMs = performance.now()
      await replay(client, recordings[index]!)
      latenciesMs[index] = performance.now() - sentAtMs
    }
  }
  await Promise.all(clients.map(worker))
  const seconds = (performance.now() - startedAtMs) / 1e3
  return { perSecond: recordings.length / seconds, p99Ms: percentile(latenciesMs, 99) }
}

async function replay(client: pg.Client, recording: Recording): Promise<void> {
  for (const { isTransaction, statements } of recording) {
    if (isTransaction) await client.query('begin')
    for (const statement of statements) await client.query(prepared(statement))
    if (isTransaction) await client.query('commit')
  }
}

const names = new Map<string, string>()

function prepared({ text, values }: SentStatement): pg.QueryConfig {
  let name = names.get(text)
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('hex').slice(0, 32)
    names.set(text, name)
  }
  return { name, text, values }
}
