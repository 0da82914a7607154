/** The development system: Postgres, one cell `eu` and the edge, started side by side. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { styleText } from 'node:util'
import pg from 'pg'
import { readConfig } from '../../regional/config.ts'
import { openServices } from '../../regional/open-services.ts'
import { urlAs } from './app-role.ts'
import { Children } from './children.ts'
import { seedDemo } from './demo-catalogue.ts'
import { type DevKeys, ensureKeys } from './dev-keys.ts'
import { ensureDevLogin } from './dev-login.ts'
import { ensureDevOwner } from './dev-owner.ts'
import { migrate } from './migrate.ts'
import { freePortFrom } from './ports.ts'
import { KEYS_FOLDER, ROOT, STATE_FOLDER } from './state.ts'

const EDGE_PORT = 8787
const DATABASE = 'tradewind'
/** The name of the cell. */
export const DEV_CELL = 'eu'
const DUPLICATE_DATABASE = '42P04'
const START_MS_MAX = 60_000
const LOOK_EVERY_MS = 50

export interface DevSystem {
  edgeUrl: string
  cellUrl: string
  databaseUrl: string
  keys: DevKeys
  /** Whether this folder holds the credentials of an owner. */
  hasOwner: boolean
  stop(): Promise<void>
}

export interface DevOptions {
  port?: number | undefined
  /** Told when a part ends by itself. */
  onLoss: (part: string) => void
}

/** Makes what is told to stop early stop everything that was started by then. */
export class DevStart {
  readonly children: Children
  readonly #options: DevOptions

  constructor(options: DevOptions) {
    this.#options = options
    this.children = new Children(options.onLoss)
  }

  async run(): Promise<DevSystem> {
    const ports = await choosePorts(this.#options.port ?? EDGE_PORT)
    const keys = ensureKeys(KEYS_FOLDER)
    const edgeUrl = `http://127.0.0.1:${ports.edge}`
    const cellUrl = `http://127.0.0.1:${ports.cell}`
    // The edge needs no database to start, so it is built while Postgres comes up.
    startEdge(this.children, { port: ports.edge, cellUrl, keys })
    const databaseUrl = process.env.DATABASE_URL ?? (await startDatabase(this.children, ports))
    const login = ensureDevLogin(KEYS_FOLDER)
    await migrate(databaseUrl, login)
    const cellDatabaseUrl = urlAs(databaseUrl, login)
    const environment = cellEnvironment({
      port: ports.cell,
      edgeUrl,
      databaseUrl: cellDatabaseUrl,
      keys,
    })
    startCell(this.children, environment)
    const [hasOwner] = await Promise.all([
      ensureDevOwner(KEYS_FOLDER, { url: cellDatabaseUrl, cell: DEV_CELL }),
      seed(environment),
      answers(`${cellUrl}/health/ready`),
    ])
    await answers(`${edgeUrl}/health/edge`)
    return { edgeUrl, cellUrl, databaseUrl, keys, hasOwner, stop: () => this.stop() }
  }

  /** Ends the parts in order: nothing is asked of a part that is gone. */
  async stop(): Promise<void> {
    await this.children.end('edge')
    await this.children.end('cell')
    await this.children.end()
  }
}

interface Ports {
  edge: number
  cell: number
  postgres: number
}

async function choosePorts(wanted: number): Promise<Ports> {
  const given = new Set<number>()
  const choose = async (label: string, from: number) => {
    const port = await freePortFrom(from, given)
    if (port !== from)
      console.log(`${'dev'.padEnd(8)} port ${from} is taken: ${label} uses ${port}`)
    given.add(port)
    return port
  }
  const edge = await choose('the edge', wanted)
  const cell = await choose('the cell', edge + 1)
  return { edge, cell, postgres: await choose('Postgres', 54_329) }
}

async function startDatabase(children: Children, { postgres }: Ports): Promise<string> {
  const server = children.start({
    label: 'postgres',
    command: [
      process.execPath,
      join(ROOT, 'scripts/support/postgres-server.ts'),
      join(STATE_FOLDER, 'postgres'),
      String(postgres),
    ],
    show: (line) => (line.startsWith('{') ? null : line),
  })
  const url = await new Promise<string>((resolve, reject) => {
    server.once('exit', () => reject(new Error('Postgres did not start')))
    createInterface({ input: server.stdout! }).on('line', (line) => {
      if (line.startsWith('{')) resolve((JSON.parse(line) as { url: string }).url)
    })
  })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`create database ${DATABASE}`)
  } catch (error) {
    if ((error as { code?: string }).code !== DUPLICATE_DATABASE) throw error
  } finally {
    await client.end()
  }
  return Object.assign(new URL(url), { pathname: `/${DATABASE}` }).toString()
}

export function cellEnvironment(options: {
  port: number
  edgeUrl: string
  databaseUrl: string
  keys: DevKeys
}) {
  const { port, edgeUrl, databaseUrl, keys } = options
  return {
    NODE_ENV: 'development',
    CELL: DEV_CELL,
    HOST: '127.0.0.1',
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    NEON_WS_PROXY: process.env.NEON_WS_PROXY,
    EDGE_SECRETS: keys.edgeSecret,
    TOKEN_KEY_SECRET: keys.tokenKeySecret,
    CART_KEY: keys.cartKey,
    AUTH_SECRET: keys.authSecret,
    STAFF_SECOND_FACTOR: 'optional',
    MAIL_FOLDER: join(STATE_FOLDER, 'mail'),
    MAIL_FROM: 'Tradewind <shop@tradewind.test>',
    SHOP_URL: edgeUrl,
    STAFF_URL: edgeUrl,
    DRAIN_MS_MAX: '3000',
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
  }
}

function startCell(children: Children, env: Record<string, string | undefined>): void {
  children.start({
    label: 'cell',
    command: [
      process.execPath,
      '--watch',
      '--watch-preserve-output',
      join(ROOT, 'regional/main.ts'),
    ],
    env,
    show: compact,
  })
}

function startEdge(
  children: Children,
  { port, cellUrl, keys }: { port: number; cellUrl: string; keys: DevKeys },
): void {
  const envFile = join(KEYS_FOLDER, 'edge.env')
  const variables = {
    ENVIRONMENT: 'development',
    DEFAULT_CELL: DEV_CELL,
    CELLS: JSON.stringify({ [DEV_CELL]: { url: cellUrl } }),
    EDGE_SECRETS: JSON.stringify({ [DEV_CELL]: keys.edgeSecret }),
  }
  const lines = Object.entries(variables).map(([name, text]) => `${name}='${text}'\n`)
  writeFileSync(envFile, lines.join(''), { mode: 0o600 })
  children.start({
    label: 'edge',
    command: [
      process.execPath,
      join(ROOT, 'node_modules/wrangler/bin/wrangler.js'),
      'dev',
      ...['--local', '--ip', '127.0.0.1', '--port', String(port), '--env-file', envFile],
      ...['--persist-to', join(STATE_FOLDER, 'wrangler'), '--log-level', 'warn'],
      '--show-interactive-dev-session=false',
    ],
    env: {
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_HIDE_BANNER: 'true',
      WRANGLER_NO_SKILLS_UPDATE_PROMPTS: 'true',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      NO_COLOR: '1',
    },
  })
}

const LEVEL_STYLE: Readonly<Record<string, 'yellow' | 'red'>> = {
  warn: 'yellow',
  error: 'red',
  fatal: 'red',
}

/** A line of the cell's JSON log as a developer reads it: level, message, and what else it names. */
function compact(line: string): string {
  if (!line.startsWith('{')) return line
  try {
    const {
      level,
      msg,
      time: _time,
      cell: _cell,
      trace: _trace,
      requestId,
      ...rest
    } = JSON.parse(line)
    const shown = requestId === undefined ? rest : { ...rest, requestId }
    const named = Object.entries(shown).map(([name, value]) => `${name}=${value}`)
    return [styleText(LEVEL_STYLE[level] ?? 'dim', level), msg, ...named].join(' ')
  } catch {
    return line
  }
}

/** Loads the project's own catalogue through the verbs that staff use; what is there stays. */
async function seed(environment: Record<string, string | undefined>): Promise<void> {
  const services = openServices(readConfig({ ...environment, LOG_LEVEL: 'warn' }))
  try {
    await seedDemo(services)
  } finally {
    await services.close()
  }
}

/** Waits until an address answers with success. */
async function answers(url: string): Promise<void> {
  const deadline = performance.now() + START_MS_MAX
  while (performance.now() < deadline) {
    const ok = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
      (response) => response.ok,
      () => false,
    )
    if (ok) return
    await delay(LOOK_EVERY_MS)
  }
  throw new Error(`Nothing answered at ${url}`)
}
