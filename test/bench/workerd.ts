/** workerd itself, serving one Worker over HTTP with nothing in front. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { freePort } from '../../scripts/support/ports.ts'
import { ROOT } from '../../scripts/support/state.ts'
import { type Started, start } from './child.ts'

export interface WorkerdOptions {
  /** Holds its configuration, under `name`. */
  folder: string
  name: string
  /** An ES module. */
  source: string
  bindings?: Record<string, string>
  /** Where the inspector's protocol is spoken. The Worker may then call `gc()` too. */
  inspectorPort?: number
}

export interface RunningWorkerd {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

/** The header in which a request's `cf` object comes, as it does from Cloudflare's own front. */
export const CF_HEADER = 'mf-cf-blob'

export async function startWorkerd(options: WorkerdOptions): Promise<RunningWorkerd> {
  const port = await freePort()
  const config = join(options.folder, `${options.name}.capnp`)
  writeFileSync(join(options.folder, `${options.name}.js`), options.source)
  writeFileSync(join(options.folder, 'colo-cache.js'), COLO_CACHE)
  writeFileSync(config, configOf(options, port))
  const inspector = options.inspectorPort
  const more = inspector === undefined ? [] : [`--inspector-addr=127.0.0.1:${inspector}`]
  const workerd: Started = await start(
    [workerdProgram(), 'serve', config, '--verbose', '--control-fd=1', ...more],
    /"event":"listen","socket":"http"/,
  )
  return { port, pid: workerd.pid, stop: workerd.stop }
}

function workerdProgram(): string {
  return createRequire(import.meta.url).resolve('workerd/bin/workerd')
}

function configOf({ name, bindings = {}, inspectorPort }: WorkerdOptions, port: number): string {
  const texts = Object.entries(bindings).map(
    ([binding, text]) => `(name = ${JSON.stringify(binding)}, text = ${JSON.stringify(text)})`,
  )
  const flags = inspectorPort === undefined ? '' : '"--expose-gc"'
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  v8Flags = [${flags}],
  services = [
    (name = "worker", worker = .worker),
    (name = "colo-cache", worker = .coloCache),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:${port}", service = "worker",
      http = (cfBlobHeader = "${CF_HEADER}")),
  ],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "${name}.js")],
  compatibilityDate = "${compatibilityDate()}",
  bindings = [${texts.join(', ')}],
  cacheApiOutbound = "colo-cache",
);
const coloCache :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "colo-cache.js")],
  compatibilityDate = "${compatibilityDate()}",
);
`
}

function compatibilityDate(): string {
  const configured = readFileSync(join(ROOT, 'wrangler.toml'), 'utf8')
  const date = /^compatibility_date = "([\d-]+)"$/m.exec(configured)?.[1]
  if (date === undefined) throw new Error('wrangler.toml names no compatibility_date')
  return date
}

const bundles = new Map<string, string>()

/**
 * The edge as a deployment would upload it.
 *
 * @param entry the Worker's file, where it is not the edge's own but one around it.
 */
export function bundledEdge(folder: string, entry = 'edge/worker.ts'): string {
  const known = bundles.get(entry)
  if (known !== undefined) return known
  const output = join(folder, basename(entry, '.ts'))
  const production = ['--env', 'production', '--outdir', output]
  execFileSync('wrangler', ['deploy', entry, '--dry-run', ...production], {
    cwd: ROOT,
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const bundle = readFileSync(join(output, basename(entry).replace(/\.ts$/, '.js')), 'utf8')
  bundles.set(entry, bundle)
  return bundle
}

/**
 * What stands behind the Cache API: workerd asks it over HTTP, a PUT carrying the whole response to keep. It keeps
 * responses for their `max-age` and is enough for one Worker that is measured.
 */
const COLO_CACHE = `
const kept = new Map()
const decoder = new TextDecoder()

export default {
  async fetch(request) {
    if (request.method === 'PUT') return await keep(request)
    const entry = kept.get(request.url)
    const isFresh = entry !== undefined && entry.untilMs > Date.now()
    if (!isFresh) return new Response(null, { status: 504, headers: { 'cf-cache-status': 'MISS' } })
    return new Response(entry.body, { headers: [...entry.headers, ['cf-cache-status', 'HIT']] })
  },
}

async function keep(request) {
  const bytes = new Uint8Array(await request.arrayBuffer())
  const end = endOfHead(bytes)
  const headers = decoder.decode(bytes.subarray(0, end)).split('\\r\\n').slice(1).map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  const control = headers.find(([name]) => name === 'cache-control')?.[1] ?? ''
  const seconds = Number(/max-age=(\\d+)/.exec(control)?.[1] ?? 0)
  const own = headers.filter(([name]) => name !== 'transfer-encoding' && name !== 'content-length')
  const untilMs = Date.now() + seconds * 1000
  kept.set(request.url, { headers: own, body: bytes.slice(end + 4), untilMs })
  return new Response(null, { status: 204 })
}

function endOfHead(bytes) {
  for (let at = 0; at + 3 < bytes.length; at += 1) {
    if (bytes[at] === 13 && bytes[at + 1] === 10 && bytes[at + 2] === 13) return at
  }
  return bytes.length
}
`
