/** `npm run load -- FILE`: loads an Open Icecat export into a running system, through its edge. */
import {
  closeSync,
  createReadStream,
  existsSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { type Client, createClient } from '../shared/client/create-client.ts'
import { IMPORT_ROWS_MAX } from '../shared/contracts/catalog.ts'
import { type LoadProgress, loadCatalogue } from './support/catalogue-loader.ts'
import { ndjsonLines } from './support/ndjson-lines.ts'
import { developerToken } from './support/sign-in.ts'
import { readDevState } from './support/state.ts'

const HELP = `Usage: npm run load -- FILE [options]

Streams FILE (Open Icecat products, one JSON object a line) into the catalogue. Products are found
again by their id, so a load may be repeated. A bad row goes to the rejects file with its line and
the reason; the rest loads.

  --url URL       the edge; that of the running \`npm run dev\` when left out
  --batch N       rows a batch, 1 to ${IMPORT_ROWS_MAX} (default ${IMPORT_ROWS_MAX})
  --limit N       rows to read at most
  --rejects FILE  where bad rows go (default: <name of FILE>.rejects.ndjson, here)
  --json          print only {ok, rows, loaded, rejected, seconds, rowsPerSecond}
  --help          this text

The token comes from TRADEWIND_TOKEN, or the development system's owner signs in. The exit code is
0 when every batch was delivered, rejected rows or not.`

/** Long enough for a cell that restarts meanwhile. */
const RETRIES = { attemptsMax: 8, attemptMsMax: 60_000, totalMsMax: 180_000 }
/** A token lives ten minutes. */
const TOKEN_MS_MAX = 300_000

interface Arguments {
  file: string
  url: string
  batchRowsMax: number
  rowsMax: number | undefined
  rejects: string
  json: boolean
}

async function main(): Promise<void> {
  const given = argumentsOf(process.argv.slice(2))
  if (given === null) return console.log(HELP)
  const rejects = new RejectsFile(given.rejects)
  const meter = given.json ? null : new Meter(statSync(given.file).size)
  const started = performance.now()
  const stream = createReadStream(given.file)
  let last: LoadProgress = { rows: 0, loaded: 0, rejected: 0 }
  let failure: Error | null = null
  try {
    await loadCatalogue({
      lines: ndjsonLines(stream),
      client: clientOf(given.url),
      batchRowsMax: given.batchRowsMax,
      rowsMax: given.rowsMax,
      onReject: (reject) => rejects.write(reject),
      onProgress: (progress) => {
        last = progress
        meter?.show(stream.bytesRead, progress)
      },
    })
  } catch (error) {
    failure = error as Error
  }
  stream.destroy()
  meter?.stop()
  rejects.close()
  report({ given, last, failure, seconds: (performance.now() - started) / 1_000 })
}

function report(result: {
  given: Arguments
  last: LoadProgress
  failure: Error | null
  seconds: number
}): void {
  const { given, last, failure } = result
  const seconds = Number(result.seconds.toFixed(2))
  const rowsPerSecond = Math.round(last.rows / Math.max(seconds, 0.01))
  if (failure !== null) {
    process.exitCode = 1
    console.error(`The load stopped: ${failure.message}. What is loaded stays; it may be repeated.`)
  }
  if (given.json) {
    console.log(JSON.stringify({ ok: failure === null, ...last, seconds, rowsPerSecond }))
    return
  }
  console.log(`${last.rows} rows in ${seconds} s (${rowsPerSecond}/s): ${last.loaded} loaded.`)
  if (last.rejected > 0) console.log(`${last.rejected} rejected, see ${given.rejects}`)
}

/** `null` when only help was asked for. */
function argumentsOf(argv: string[]): Arguments | null {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      batch: { type: 'string' },
      limit: { type: 'string' },
      rejects: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const [file, ...others] = positionals
  if (file === undefined || others.length > 0) throw new Error(`Name one file\n\n${HELP}`)
  if (!existsSync(file)) throw new Error(`There is no file ${file}`)
  const rejects = values.rejects ?? `${basename(file, extname(file))}.rejects.ndjson`
  if (resolve(rejects) === resolve(file)) throw new Error('--rejects would replace the file itself')
  const url = values.url ?? readDevState()?.edgeUrl
  if (url === undefined) throw new Error('Nothing runs here: start `npm run dev`, or name --url')
  return {
    file,
    url,
    batchRowsMax: countOf('batch', values.batch ?? String(IMPORT_ROWS_MAX), IMPORT_ROWS_MAX),
    rowsMax: values.limit === undefined ? undefined : countOf('limit', values.limit, 1e9),
    rejects,
    json: values.json,
  }
}

function countOf(name: string, text: string, max: number): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= max) return count
  throw new Error(`--${name} is a whole number from 1 to ${max}`)
}

function clientOf(baseUrl: string): Client {
  const fixed = process.env.TRADEWIND_TOKEN
  let issued: { token: string; atMs: number } | null = null
  const token = async () => {
    if (fixed !== undefined) return fixed
    const nowMs = performance.now()
    if (issued === null || nowMs - issued.atMs > TOKEN_MS_MAX) {
      issued = { token: await developerToken(baseUrl), atMs: nowMs }
    }
    return issued.token
  }
  return createClient({ baseUrl, token, retries: RETRIES })
}

/** Made when the first row is rejected; one of an earlier load does not survive. */
class RejectsFile {
  readonly #path: string
  #descriptor: number | null = null

  constructor(path: string) {
    this.#path = path
    rmSync(path, { force: true })
  }

  /** Synchronous, so that a file of bad rows alone is not held in memory. */
  write(reject: object): void {
    this.#descriptor ??= openSync(this.#path, 'w')
    writeSync(this.#descriptor, `${JSON.stringify(reject)}\n`)
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor)
  }
}

/** A bar on a terminal, a line every thousand rows elsewhere. */
class Meter {
  readonly #bytes: number
  readonly #bar: SingleBar | null
  #shownRows = 0

  constructor(bytes: number) {
    this.#bytes = bytes
    const format = '{bar} {percentage} % | {rows} rows, {rejected} rejected | {eta_formatted} left'
    const options = { format, hideCursor: true, barCompleteChar: '█', barIncompleteChar: '░' }
    this.#bar = process.stdout.isTTY ? new SingleBar(options) : null
    this.#bar?.start(bytes, 0, { rows: 0, rejected: 0 })
  }

  show(bytesRead: number, { rows, rejected }: LoadProgress): void {
    this.#bar?.update(Math.min(bytesRead, this.#bytes), { rows, rejected })
    if (this.#bar !== null || rows - this.#shownRows < 1_000) return
    this.#shownRows = rows
    console.log(`${rows} rows, ${rejected} rejected`)
  }

  stop(): void {
    this.#bar?.stop()
  }
}

await main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
