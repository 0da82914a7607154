/** Edges as they run: the Worker as a deployment would upload it, in workerd, each with a cache of its own. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { ROOT } from '../../scripts/support/state.ts'
import { edgeSecret } from './keys.ts'

export interface TestEdge {
  readonly url: string
  close(): Promise<void>
}

export interface TestEdgeOptions {
  /** Where its Cache API keeps what it holds, for the next isolate of the same colo; nowhere by default. */
  cacheFolder?: string
  /** Beside those that every edge has. */
  bindings?: Record<string, string>
}

/** Starts one edge in front of the cell `eu`. */
export async function startEdge(
  cellUrl: string,
  script: string,
  { cacheFolder, bindings = {} }: TestEdgeOptions = {},
): Promise<TestEdge> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      modules: true,
      script,
      compatibilityDate: await compatibilityDate(),
      cf: false,
      log: new Log(LogLevel.ERROR),
      ...(cacheFolder === undefined ? {} : { resourcePersistencePath: cacheFolder }),
      bindings: {
        ENVIRONMENT: 'development',
        DEFAULT_CELL: 'eu',
        CELLS: JSON.stringify({ eu: { url: cellUrl } }),
        EDGE_SECRETS: JSON.stringify({ eu: edgeSecret }),
        ...bindings,
      },
    }),
  )
  const url = await miniflare.ready
  return { url: url.origin, close: () => miniflare.dispose() }
}

/** Builds the Worker once a test file. */
export async function bundleEdge(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tradewind-edge-'))
  try {
    const dryRun = ['deploy', '--dry-run', '--env', 'staging', '--outdir', folder]
    await promisify(execFile)(join(ROOT, 'node_modules/.bin/wrangler'), dryRun, {
      cwd: ROOT,
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
    })
    return await readFile(join(folder, 'worker.js'), 'utf8')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** As `wrangler.toml` has it. */
export async function compatibilityDate(): Promise<string> {
  const configuration = await readFile(join(ROOT, 'wrangler.toml'), 'utf8')
  return /^compatibility_date = "([\d-]+)"$/m.exec(configuration)![1]!
}
