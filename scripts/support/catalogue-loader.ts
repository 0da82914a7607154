/**
 * Loads an Open Icecat export through the API: batches in order, bad rows aside, categories made on
 * demand.
 */
import type { Client } from '../../shared/client/create-client.ts'
import { ProblemError } from '../../shared/client/errors.ts'
import type { ImportRow } from '../../shared/contracts/catalog.ts'
import { rowOfIcecat } from './icecat.ts'
import { ICECAT_CATEGORIES } from './icecat-categories.ts'
import type { ReadLine } from './ndjson-lines.ts'

/** A batch is sent before it would pass the contract's limit of a body. */
const BATCH_BYTES_MAX = 3_500_000

/** A line that was not loaded. */
export interface Reject {
  line: number
  reason: string
  row: unknown
}

export interface LoadProgress {
  rows: number
  loaded: number
  rejected: number
}

export interface LoadOptions {
  lines: AsyncIterable<ReadLine>
  client: Client
  /** 1 to `IMPORT_ROWS_MAX`. */
  batchRowsMax: number
  /** Rows to read at most. */
  rowsMax?: number | undefined
  onReject: (reject: Reject) => void
  /** Called after each batch. */
  onProgress: (progress: LoadProgress) => void
}

interface Pending {
  line: number
  record: unknown
  row: ImportRow
}

/**
 * Loads every row there is. Repeating a load changes only what differs.
 *
 * @throws what the client throws when a batch cannot be delivered; the batches before it are
 *   loaded.
 */
export async function loadCatalogue(options: LoadOptions): Promise<LoadProgress> {
  const { lines, batchRowsMax, rowsMax = Number.POSITIVE_INFINITY, onReject, onProgress } = options
  const progress: LoadProgress = { rows: 0, loaded: 0, rejected: 0 }
  const known = await knownCategories(options.client)
  let batch: Pending[] = []
  let batchBytes = 0
  const reject = (rejected: Reject) => {
    progress.rejected += 1
    onReject(rejected)
  }
  const deliver = async () => {
    const delivered = batch
    batch = []
    batchBytes = 0
    if (delivered.length > 0) {
      progress.loaded += await deliverBatch(options.client, delivered, { known, reject })
    }
    onProgress({ ...progress })
  }
  for await (const read of lines) {
    progress.rows += 1
    const pending = pendingOf(read)
    if ('reason' in pending) reject(pending)
    else {
      const bytes = Buffer.byteLength(JSON.stringify(pending.row))
      if (batch.length === batchRowsMax || batchBytes + bytes > BATCH_BYTES_MAX) await deliver()
      batch.push(pending)
      batchBytes += bytes
    }
    if (progress.rows >= rowsMax) break
  }
  await deliver()
  return progress
}

function pendingOf(read: ReadLine): Pending | Reject {
  if ('fault' in read) return { line: read.line, reason: read.fault, row: read.raw }
  const { line, value } = read
  const mapped = rowOfIcecat(value)
  if ('reason' in mapped) return { line, reason: mapped.reason, row: value }
  return { line, record: value, row: mapped.row }
}

async function deliverBatch(
  client: Client,
  batch: readonly Pending[],
  context: { known: Set<string>; reject: (reject: Reject) => void },
): Promise<number> {
  const { known, reject } = context
  const needed = new Set(batch.flatMap(({ row }) => row.categories))
  for (const handle of needed) {
    if (known.has(handle)) continue
    await createMissing(client, handle)
    known.add(handle)
  }
  const rows = batch.map((pending) => pending.row)
  const { loaded, rejected } = await client.catalog.importProducts({ body: { rows } })
  for (const { index, reason } of rejected) {
    const { line, record } = batch[index]!
    reject({ line, reason, row: record })
  }
  return loaded
}

async function knownCategories(client: Client): Promise<Set<string>> {
  const { items } = await client.catalog.listCategories()
  return new Set(items.map((category) => category.handle))
}

async function createMissing(client: Client, handle: string): Promise<void> {
  const { en, de } = ICECAT_CATEGORIES[handle]!
  const position = Object.keys(ICECAT_CATEGORIES).indexOf(handle) + 100
  const translations = { en: { name: en }, de: { name: de } }
  await client.catalog
    .createCategory({ body: { handle, position, translations } })
    .catch((error: unknown) => {
      // Another load made it since we looked.
      const isThere = error instanceof ProblemError && error.code === 'category.handle_taken'
      if (!isThere) throw error
    })
}
