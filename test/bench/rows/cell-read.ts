/** A signed read in the cell, against a bare server that runs the same query and answers with the same bytes. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createApp } from '../../../regional/app.ts'
import { modules } from '../../../regional/modules/index.ts'
import { openServices } from '../../../regional/open-services.ts'
import { KEEP_ALIVE_MS } from '../../../regional/start-cell.ts'
import { HEADERS } from '../../../shared/headers.ts'
import { signRequest } from '../../support/keys.ts'
import { testConfig } from '../../support/services.ts'
import { start } from '../child.ts'
import { assertSame, exchange, ownHeaders } from '../exchange.ts'
import type { ReadExhibit } from '../floors/read-server.ts'
import { loadFor } from '../load.ts'
import type { Contest, Plan, Sample } from '../measure.ts'
import { signedRequest } from '../signed-requests.ts'
import { POOL_MAX, type Stage } from '../stage.ts'

const FLOOR = fileURLToPath(new URL('../floors/read-server.ts', import.meta.url))
const CONNECTIONS = 16
/** More than a cell answers in a second; a nonce is good once, so a turn must not run out of them. */
const PER_SECOND_MAX = 20_000

/** @param path the path and query, as the edge writes them. */
export async function cellRead(
  stage: Stage,
  plan: Plan,
  read: { name: string; path: string },
): Promise<Contest> {
  const { name, path } = read
  const database = `read_${name.replaceAll('-', '_')}`
  const databaseUrl = await stage.clone(database)
  const query = await queryOf(databaseUrl, path)
  const cell = await stage.startCell(database)
  const host = `127.0.0.1:${cell.port}`
  const headers: Record<string, string> = {}
  const request = () => signedRequest({ method: 'GET', path, host, headers })
  // An edge names the least state it accepts, with every read.
  headers[HEADERS.minimum] = (await exchange(cell.port, request())).headers[HEADERS.stamp]!
  const answer = await exchange(cell.port, request())
  const exhibit: ReadExhibit = {
    databaseUrl,
    poolMax: POOL_MAX,
    keepAliveMs: KEEP_ALIVE_MS,
    query: { text: query.text, values: query.values },
    ...bodyIn(query.row, answer.body),
    headers: ownHeaders(answer),
  }
  const file = join(stage.folder, `${name}.json`)
  writeFileSync(file, JSON.stringify(exhibit))
  const floor = await start([process.execPath, FLOOR, file], /listening on (\d+)/)
  const floorPort = Number(floor.captured)
  assertSame(await exchange(floorPort, request()), await exchange(cell.port, request()))
  let signed: Buffer[] = []
  const loaded = (port: number): Promise<Sample> =>
    loadFor({ port, connections: CONNECTIONS, requests: signed }, plan.secondsPerTurn)
  return {
    // Signed once a turn: the floor takes no notice of nonces.
    floor: () => {
      signed = Array.from({ length: plan.secondsPerTurn * PER_SECOND_MAX }, request)
      return loaded(floorPort)
    },
    ours: () => loaded(cell.port),
    notes: { bytes: Buffer.byteLength(answer.body) },
    close: async () => {
      await floor.stop()
      await cell.stop()
    },
  }
}

interface SeenQuery {
  text: string
  values: unknown[]
  row: Record<string, unknown>
}

/** The one statement that the read runs, as the database is sent it, and its row. */
async function queryOf(databaseUrl: string, path: string): Promise<SeenQuery> {
  const seen: { text: string; values: unknown[] }[] = []
  const onStatement = (text: string, values: unknown[]) => {
    if (!text.includes('feed_change')) seen.push({ text, values })
  }
  const services = openServices(testConfig(databaseUrl), { onStatement })
  const { db } = services
  try {
    const app = createApp(services, modules)
    const url = `http://cell.test${path}`
    const headers = signRequest({ method: 'GET', url, headers: new Headers() })
    const response = await app.request(url, { headers })
    if (response.status !== 200) throw new Error(`${path}: ${await response.text()}`)
    if (seen.length !== 1) throw new Error(`${path} took ${seen.length} statements, not one`)
    const { rows } = await db.executeSql(seen[0]!.text, seen[0]!.values)
    return { ...seen[0]!, row: rows[0] }
  } finally {
    await services.close()
  }
}

/** Where in the row the body is. */
function bodyIn(row: Record<string, unknown>, body: string) {
  const columns = Object.entries(row).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && body.includes(entry[1]),
  )
  const [longest] = columns.sort(([, one], [, other]) => other.length - one.length)
  if (longest === undefined || longest[1].length < body.length / 2) {
    throw new Error('the query does not return the bytes of the answer')
  }
  const [column, text] = longest
  const start = body.indexOf(text)
  return { column, before: body.slice(0, start), after: body.slice(start + text.length) }
}
