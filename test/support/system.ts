/** A whole system: real Postgres, a real cell process with its jobs, and real edges in workerd. */
import { seedDemo } from '../../scripts/support/demo-catalogue.ts'
import { freePort } from '../../scripts/support/ports.ts'
import { type Client, type ClientOptions, createClient } from '../../shared/client/create-client.ts'
import { HEADERS } from '../../shared/headers.ts'
import { type CellProcess, startCellProcess } from './cell-process.ts'
import { cloneDatabase } from './database.ts'
import { bundleEdge, startEdge, type TestEdge } from './edge.ts'
import { accessToken } from './keys.ts'
import { testServices } from './services.ts'

/** How an edge is told where its shopper is. */
export const IN_GERMANY = { 'MF-CF-Blob': JSON.stringify({ country: 'DE' }) }

export interface TestSystem {
  /** The first of `edgeUrls`. */
  readonly edgeUrl: string
  readonly edgeUrls: readonly string[]
  /** Stays the same when the cell is started again. */
  readonly cellUrl: string
  readonly databaseUrl: string
  readonly tokens: { readonly staff: string; readonly customer: string }
  /** A client of the first edge that gives up at once, so that a test sees what was answered. */
  client(options?: Partial<ClientOptions>): Client
  /** Sets a variant's price in EUR, through the first edge. @returns the position of the change. */
  changePrice(sku: string, amountMinor: number): Promise<string>
  /** Ends the cell's process: by `SIGKILL` unless told otherwise. */
  stopCell(signal?: NodeJS.Signals): Promise<void>
  startCell(): Promise<void>
  /** All that its cells have logged. */
  log(): string
  close(): Promise<void>
}

/**
 * Starts a system with the demo catalogue in it.
 *
 * @param options.between stands between edges and cell: the address that it gives edges for the cell's own.
 */
export async function startSystem(
  options: {
    edges?: number
    cell?: Record<string, string>
    between?: (cellUrl: string) => Promise<string>
  } = {},
): Promise<TestSystem> {
  const { edges: edgeCount = 1, cell: environment = {}, between } = options
  const [databaseUrl, script, port] = await Promise.all([
    seededDatabase(),
    bundleEdge(),
    freePort(),
  ])
  const cellUrl = `http://127.0.0.1:${port}`
  const started: CellProcess[] = []
  const start = async () => {
    const cell = await startCellProcess(databaseUrl, { PORT: String(port), ...environment })
    started.push(cell)
    return cell
  }
  let cell: CellProcess | undefined = await start()
  const seenUrl = between === undefined ? cellUrl : await between(cellUrl)
  const edges = await Promise.all(
    Array.from({ length: edgeCount }, (): Promise<TestEdge> => startEdge(seenUrl, script)),
  )
  const edgeUrls = edges.map(({ url }) => url)
  const stopCell = async (signal: NodeJS.Signals = 'SIGKILL') => {
    await cell?.end(signal)
    cell = undefined
  }
  const tokens = {
    staff: await accessToken(),
    customer: await accessToken({ role: 'customer', sub: 'cus_test' }),
  }
  return {
    edgeUrl: edgeUrls[0]!,
    edgeUrls,
    cellUrl,
    databaseUrl,
    tokens,
    changePrice: async (sku, amountMinor) => {
      const response = await fetch(`${edgeUrls[0]}/v1/staff/variants/${sku}/prices`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${tokens.staff}`, 'content-type': 'application/json' },
        body: JSON.stringify({ prices: { EUR: amountMinor } }),
      })
      if (response.status !== 200) throw new Error(await response.text())
      return response.headers.get(HEADERS.position)!
    },
    client: (client = {}) =>
      createClient({ baseUrl: edgeUrls[0]!, retries: { attemptsMax: 1 }, ...client }),
    stopCell,
    startCell: async () => {
      cell ??= await start()
    },
    log: () => started.map((each) => each.output()).join('\n'),
    close: async () => {
      await Promise.all(edges.map((edge) => edge.close()))
      await stopCell()
    },
  }
}

async function seededDatabase(): Promise<string> {
  const url = await cloneDatabase()
  const services = testServices(url)
  try {
    await seedDemo(services)
  } finally {
    await services.close()
  }
  return url
}
