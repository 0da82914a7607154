/**
 * A signed read in the cell that its shield cannot answer, against a bare server that runs the same query and answers
 * with the same bytes.
 */
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
import { type Answer, assertSame, exchange, ownHeaders } from '../exchange.ts'
import type { ReadExhibit, ReadPage } from '../floors/read-server.ts'
import { loadFor } from '../load.ts'
import type { Contest, Plan, Sample } from '../measure.ts'
import { readsOf } from '../shield-counters.ts'
import { signedRequest } from '../signed-requests.ts'
import { POOL_MAX, type Stage } from '../stage.ts'

const FLOOR = fileURLToPath(new URL('../floors/read-server.ts', import.meta.url))
/** Reads under way at the same time are few beside the paths, so that hardly any can join another of the same path. */
const CONNECTIONS = 16
/** More than a cell answers in a second from its database; a nonce is good once, so a turn must not run out of them. */
const SIGNED_PER_SECOND = 20_000
const PATHS_PER_CONNECTION = 2
const JOINED_SHARE_MAX = 0.02

/** @param read.paths paths and queries as the edge writes them, asked for in turns. */
export async function cellRead(
  stage: Stage,
  plan: Plan,
  read: { name: string; paths: readonly string[] },
): Promise<Contest> {
  const { name, paths } = read
  const connections = Math.min(CONNECTIONS, Math.floor(paths.length / PATHS_PER_CONNECTION))
  const database = `read_${name.replaceAll('-', '_')}`
  const databaseUrl = await stage.clone(database)
  const seen = await queriesOf(databaseUrl, paths)
  // A shield that may hold nothing: each read is a miss.
  const cell = await stage.startCell(database, { SHIELD_MIB_MAX: '0' })
  const host = `127.0.0.1:${cell.port}`
  const headers: Record<string, string> = {}
  const request = (path: string) => signedRequest({ method: 'GET', path, host, headers })
  // An edge names the least state it accepts, with every read.
  const [first] = paths as [string]
  headers[HEADERS.minimum] = (await exchange(cell.port, request(first))).headers[HEADERS.stamp]!
  const answers: Answer[] = []
  for (const path of paths) answers.push(await exchange(cell.port, request(path)))
  const exhibit: ReadExhibit = {
    databaseUrl,
    poolMax: POOL_MAX,
    keepAliveMs: KEEP_ALIVE_MS,
    ...exhibitOf(seen, answers),
    headers: ownHeaders(answers[0]!),
  }
  const file = join(stage.folder, `${name}.json`)
  writeFileSync(file, JSON.stringify(exhibit))
  const floor = await start([process.execPath, FLOOR, file], /listening on (\d+)/)
  const floorPort = Number(floor.captured)
  assertSame(await exchange(floorPort, request(first)), await exchange(cell.port, request(first)))
  for (const [index, path] of paths.entries()) {
    const { body } = await exchange(floorPort, request(path))
    if (body !== answers[index]!.body) throw new Error(`floor and ours differ at ${path}`)
  }
  let signed: Buffer[] = []
  const loaded = (port: number): Promise<Sample> =>
    loadFor({ port, connections, requests: signed }, plan.secondsPerTurn)
  return {
    // Signed once a turn: the floor takes no notice of nonces.
    floor: () => {
      const length = Math.ceil(plan.secondsPerTurn * SIGNED_PER_SECOND)
      signed = Array.from({ length }, (_, index) => request(paths[index % paths.length]!))
      return loaded(floorPort)
    },
    ours: () => loaded(cell.port),
    notes: { bytes: Buffer.byteLength(answers[0]!.body) },
    verify: async () => {
      const { memoryHits, collapsed, fills } = await readsOf(cell.port)
      if (memoryHits > 0 || collapsed > fills * JOINED_SHARE_MAX) {
        throw new Error(`of ${fills} reads ${memoryHits} were hits and ${collapsed} joined another`)
      }
    },
    close: async () => {
      await floor.stop()
      await cell.stop()
    },
  }
}

interface SeenQuery {
  path: string
  text: string
  values: unknown[]
  row: Record<string, unknown>
}

/** The one statement that each read runs, as the database is sent it, and its row. */
async function queriesOf(databaseUrl: string, paths: readonly string[]): Promise<SeenQuery[]> {
  let sent: { text: string; values: unknown[] }[] = []
  const onStatement = (text: string, values: unknown[]) => {
    if (!text.includes('feed_change')) sent.push({ text, values })
  }
  const services = openServices(testConfig(databaseUrl), { onStatement })
  const app = createApp(services, modules)
  const seen: SeenQuery[] = []
  try {
    for (const path of paths) {
      sent = []
      const url = `http://cell.test${path}`
      const headers = signRequest({ method: 'GET', url, headers: new Headers() })
      const response = await app.request(url, { headers })
      if (response.status !== 200) throw new Error(`${path}: ${await response.text()}`)
      const [statement, ...others] = sent
      if (statement === undefined || others.length > 0) {
        throw new Error(`${path} took ${sent.length} statements, not one`)
      }
      const { text, values } = statement
      const { rows } = await services.db.executeSql(text, values)
      seen.push({ path, text, values, row: rows[0] })
    }
    return seen
  } finally {
    await services.close()
  }
}

function exhibitOf(seen: readonly SeenQuery[], answers: readonly Answer[]) {
  const [{ text, row }] = seen as [SeenQuery]
  const column = bodyColumn(row, answers[0]!.body)
  const pages = seen.map(({ path, values, row }, index): [string, ReadPage] => {
    const [before = '', after = ''] = answers[index]!.body.split(row[column] as string, 2)
    return [path, { values, before, after }]
  })
  if (seen.some((each) => each.text !== text)) throw new Error('the reads run several statements')
  return { text, column, pages: Object.fromEntries(pages) }
}

/** The column in which the body is, or most of it. */
function bodyColumn(row: Record<string, unknown>, body: string): string {
  const columns = Object.entries(row).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && body.includes(entry[1]),
  )
  const [longest] = columns.sort(([, one], [, other]) => other.length - one.length)
  if (longest === undefined || longest[1].length < body.length / 2) {
    throw new Error('the query does not return the bytes of the answer')
  }
  return longest[0]
}
