/** Walks the chain over the audit log and finds what does not fit, in bounded memory. */
import { sql } from 'drizzle-orm'
import {
  type AuditHead,
  type ChainedRow,
  chainedColumns,
  GENESIS,
  sealableFrom,
  sealHash,
} from './audit-chain.ts'
import type { Runner } from './database.ts'
import { statement, value } from './statement.ts'

/**
 * `changed`: a row, or its seal, is not what was sealed. `reordered`: rows stand in each other's places. `removed`: a
 * sealed row, or seals from `n` on, are gone. `inserted`: a row appeared long after its own time. `cut`: the chain ends
 * before the head that was kept. `rewritten`: it has another hash there.
 */
type FaultKind = 'changed' | 'reordered' | 'removed' | 'inserted' | 'cut' | 'rewritten'

export interface AuditFault {
  /** The seal; null for a row that has none. */
  n: number | null
  auditId: string | null
  kind: FaultKind
}

export interface AuditVerdict {
  sealed: number
  unsealed: number
  /** `null` while nothing is sealed. */
  head: AuditHead | null
  /** The first of them, `FAULTS_MAX` at most. */
  faults: AuditFault[]
  faultsFound: number
}

const PAGE_ROWS = 1_000
export const FAULTS_MAX = 1_000
/** How many rows that do not fit are compared with each other. */
const COMPARED_MAX = 100

const selectHead = statement<Record<string, never>, AuditHead>(
  'audit_verify_head',
  sql`select n, hash from audit_seal order by n desc limit 1`,
)

type Sealed = AuditHead & { auditId: string } & { [K in keyof ChainedRow]: ChainedRow[K] | null }

const selectPage = statement<{ after: number; upTo: number; limit: number }, Sealed>(
  'audit_verify_page',
  sql`
  select seal.n, seal.hash, seal.audit_id as "auditId", ${chainedColumns}
  from audit_seal seal left join audit entry on entry.id = seal.audit_id
  where seal.n > ${value('after')} and seal.n <= ${value('upTo')}
  order by seal.n limit ${value('limit')}`,
)

interface UnsealedRow {
  unsealed: number
  late: number
  lateIds: string[] | null
}

const selectUnsealed = statement<{ limit: number }, UnsealedRow>(
  'audit_verify_unsealed',
  sql`
  with lacking as (
    select entry.id, entry.at < ${sealableFrom} as late from audit entry
    where not exists (select from audit_seal seal where seal.audit_id = entry.id)
  )
  select count(*) as unsealed, count(*) filter (where late) as late,
    array(select id from lacking where late order by id limit ${value('limit')}) as "lateIds"
  from lacking`,
)

/**
 * @param options.kept a head that was noted earlier, which must still stand in the chain.
 * @param options.onProgress is told how many of how many seals were checked.
 */
export async function verifyAudit(
  runner: Runner,
  options: {
    kept?: AuditHead | undefined
    onProgress?: (checked: number, of: number) => void
  } = {},
): Promise<AuditVerdict> {
  const { kept, onProgress = () => {} } = options
  const [head = null] = await runner.run(selectHead, {})
  const walk = new Walk(kept)
  const upTo = head?.n ?? 0
  for (;;) {
    const rows = await runner.run(selectPage, { after: walk.n, upTo, limit: PAGE_ROWS })
    for (const row of rows) walk.check(row)
    onProgress(walk.n, upTo)
    if (rows.length < PAGE_ROWS) break
  }
  walk.end()
  const [rest] = await runner.run(selectUnsealed, { limit: FAULTS_MAX })
  const { unsealed, late, lateIds } = rest!
  const inserted = (lateIds ?? []).map((auditId) => ({
    n: null,
    auditId,
    kind: 'inserted' as const,
  }))
  return {
    sealed: walk.sealed,
    unsealed,
    head,
    faults: [...walk.faults, ...inserted].slice(0, FAULTS_MAX),
    faultsFound: walk.found + late,
  }
}

/** A row whose seal's hash is not what it should be. */
interface Misfit extends AuditHead {
  before: string
  row: ChainedRow
}

class Walk {
  /** The seal that was checked last, and its hash. */
  n = 0
  #hash = GENESIS
  sealed = 0
  found = 0
  readonly faults: AuditFault[] = []
  readonly #misfits: Misfit[] = []
  readonly #kept: AuditHead | undefined
  #isKeptSeen = false

  constructor(kept: AuditHead | undefined) {
    this.#kept = kept
  }

  check({ n, hash, auditId, ...columns }: Sealed): void {
    // Behind a gap the chain can only be taken as it is: what the gap held is not known.
    const hasGap = n !== this.n + 1
    if (hasGap) this.#note({ n: this.n + 1, auditId: null, kind: 'removed' })
    if (columns.id === null) this.#note({ n, auditId, kind: 'removed' })
    else if (!hasGap) this.#compare({ n, hash, before: this.#hash, row: columns as ChainedRow })
    this.#compareKept({ n, hash }, auditId)
    this.n = n
    this.#hash = hash
    this.sealed += 1
  }

  #compare(misfit: Misfit): void {
    const { n, hash, before, row } = misfit
    if (sealHash(before, n, row) === hash) return
    if (this.#misfits.length < COMPARED_MAX) this.#misfits.push(misfit)
    else this.#note({ n, auditId: row.id, kind: 'changed' })
  }

  #compareKept({ n, hash }: AuditHead, auditId: string): void {
    if (this.#kept?.n !== n) return
    this.#isKeptSeen = true
    if (this.#kept.hash !== hash) this.#note({ n, auditId, kind: 'rewritten' })
  }

  end(): void {
    for (const misfit of this.#misfits) {
      const kind = kindOf(misfit, this.#misfits)
      if (kind !== null) this.#note({ n: misfit.n, auditId: misfit.row.id, kind })
    }
    this.faults.sort((a, b) => a.n! - b.n!)
    if (this.#kept === undefined || this.#isKeptSeen) return
    if (this.#kept.n > this.n) this.#note({ n: this.#kept.n, auditId: null, kind: 'cut' })
  }

  #note(fault: AuditFault): void {
    this.found += 1
    if (this.faults.length < FAULTS_MAX) this.faults.push(fault)
  }
}

/** `null` for a row that is whole, and only stands behind one that is not. */
function kindOf(misfit: Misfit, misfits: readonly Misfit[]): 'changed' | 'reordered' | null {
  const others = misfits.filter((other) => other !== misfit)
  if (others.some((place) => wasSealedAt(place, misfit))) return 'reordered'
  const { n, hash, row } = misfit
  return others.some((other) => sealHash(other.hash, n, row) === hash) ? null : 'changed'
}

/** Whether the row was sealed in this place, where only the rows were exchanged, or their seals with them. */
function wasSealedAt(place: Misfit, moved: Misfit): boolean {
  return [place.before, place.hash].some((before) => {
    const hash = sealHash(before, place.n, moved.row)
    return hash === place.hash || hash === moved.hash
  })
}
