/** The cell's process: what it refuses to start on, and how it leaves. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type CellProcess, refusedCell, startCellProcess } from '../../support/cell-process.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { signRequest } from '../../support/keys.ts'
import { startNeonBridge } from '../../support/neon-bridge.ts'

let url: string
let cells: CellProcess[]

beforeEach(async () => {
  url = await cloneDatabase()
  cells = []
})
afterEach(async () => {
  await Promise.all(cells.map((cell) => cell.end('SIGKILL')))
})

async function start(environment: Record<string, string> = {}): Promise<CellProcess> {
  const cell = await startCellProcess(url, environment)
  cells.push(cell)
  return cell
}

/** A signed read of the markets, as the edge would send it. */
function markets(cell: CellProcess): Promise<Response> {
  const target = `${cell.url}/v1/markets`
  const headers = signRequest({ method: 'get', url: target, headers: new Headers() })
  return fetch(target, { headers })
}

describe('it refuses to start', () => {
  test('without its configuration, and says what to set', async () => {
    const { code, output } = await refusedCell(url, { CELL: 'Not A Cell', CART_KEY: 'short' })
    expect(code).toBe(1)
    expect(output).toMatch(
      /^The cell cannot start; set these variables:\n {2}CELL: .+\n {2}CART_KEY: /,
    )
  })

  test('on a database that cannot be reached, without telling its password', async () => {
    const { code, output } = await refusedCell('postgres://shop:hidden@127.0.0.1:1/shop')
    expect(code).toBe(1)
    expect(output).toBe('The database cannot be reached (ECONNREFUSED): check DATABASE_URL')
  })

  test('on a database that lacks migrations, and says how to apply them', async () => {
    await queryRows(url, 'delete from drizzle.__drizzle_migrations')
    const { code, output } = await refusedCell(url)
    expect(code).toBe(1)
    expect(output).toBe('The database lacks migrations: run `npm run migrate`')
  })

  test('on an empty database alike', async () => {
    const { code, output } = await refusedCell(await cloneDatabase('template0'))
    expect(code).toBe(1)
    expect(output).toContain('npm run migrate')
  })

  test('on a database that may lose an answered write', async () => {
    const { pathname } = new URL(url)
    await queryRows(url, `alter database ${pathname.slice(1)} set synchronous_commit = off`)
    const { code, output } = await refusedCell(url)
    expect(code).toBe(1)
    expect(output).toContain(`synchronous_commit is 'off'`)
  })

  test('on a port that is taken, and names it', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const { code, output } = await refusedCell(url, { PORT: String(port) })
    server.close()
    expect(code).toBe(1)
    expect(output).toMatch(new RegExp(`cannot listen on 127.0.0.1:${port}: .*set PORT`))
  })
})

describe('it leaves', () => {
  test('at SIGTERM with 0, having closed its connections', async () => {
    const cell = await start()
    expect((await markets(cell)).status).toBe(200)
    expect(await cell.end('SIGTERM')).toBe(0)
    expect(cell.output()).toContain('"msg":"stopped"')
  })

  test('after the request under way is answered, while new ones are refused', async () => {
    const cell = await start()
    const blocker = await blockReads()
    const underWay = markets(cell)
    await vi.waitFor(async () => expect(await blocker.waiting()).toBeGreaterThan(0), 5_000)
    const ended = cell.end('SIGTERM')
    await vi.waitFor(() => expect(cell.output()).toContain('draining'), 5_000)
    await expect(fetch(`${cell.url}/health/live`)).rejects.toThrow()
    expect(cell.process.exitCode).toBeNull()
    await blocker.release()
    expect((await underWay).status).toBe(200)
    expect(await ended).toBe(0)
  })

  test('without the request under way once the drain has lasted long enough', async () => {
    const cell = await start({ DRAIN_MS_MAX: '100' })
    const blocker = await blockReads()
    const underWay = markets(cell)
    await vi.waitFor(async () => expect(await blocker.waiting()).toBeGreaterThan(0), 5_000)
    const ended = cell.end('SIGTERM')
    await expect(underWay).rejects.toThrow()
    expect(await ended).toBe(1)
    await blocker.release()
  })

  test('at once at the second signal', async () => {
    const cell = await start()
    const blocker = await blockReads()
    const underWay = markets(cell).catch(() => 'cut off')
    await vi.waitFor(async () => expect(await blocker.waiting()).toBeGreaterThan(0), 5_000)
    void cell.end('SIGINT')
    await vi.waitFor(() => expect(cell.output()).toContain('draining'), 5_000)
    expect(await cell.end('SIGINT')).toBe(1)
    expect(await underWay).toBe('cut off')
    await blocker.release()
  })
})

test('a whole cell runs through Neon’s driver', async () => {
  const bridge = await startNeonBridge()
  const cell = await start({ NEON_WS_PROXY: bridge.proxy })
  expect((await markets(cell)).status).toBe(200)
  expect((await fetch(`${cell.url}/health/ready`)).status).toBe(200)
  expect(bridge.connections).toBeGreaterThan(0)
  expect(await cell.end('SIGTERM')).toBe(0)
  await bridge.close()
})

test('only what answers nobody’s data is served without a signature', async () => {
  const cell = await start()
  const statusOf = async (path: string) => (await fetch(cell.url + path)).status
  expect(await statusOf('/health/live')).toBe(200)
  expect(await statusOf('/.well-known/jwks.json')).toBe(200)
  expect(await statusOf('/v1/markets')).toBe(401)
  expect(await statusOf('/internal/feed?feed=catalogue')).toBe(401)
  expect(await statusOf('/nothing-here')).toBe(404)
})

/** Holds a lock that every read of the markets waits for. */
async function blockReads() {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('begin')
  await client.query('lock table market in access exclusive mode')
  return {
    waiting: async () => {
      const [row] = await queryRows<{ waiting: number }>(
        url,
        `select count(*)::int as waiting from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'
            and query like '%from market)%' and pid <> pg_backend_pid()`,
      )
      return row!.waiting
    },
    release: () => client.end(),
  }
}
