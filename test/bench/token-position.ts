/** What a token must say to be judged by the feed alone. */
import pg from 'pg'
import { formatPosition } from '../../shared/freshness/position.ts'
import type { Stage } from './stage.ts'

/** The clock of the edges' cell, as it would write it into a token now. */
export async function positionNow(stage: Stage): Promise<string> {
  const client = new pg.Client({ connectionString: stage.urlOf('edges') })
  await client.connect()
  const { rows } = await client.query("select n, history from feed_clock where feed = 'cell'")
  await client.end()
  const { n, history } = rows[0] as { n: string; history: string }
  return formatPosition('cell', { n: Number(n), history })
}
