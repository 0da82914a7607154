/** `npm run audit:verify`: recomputes the chain over the audit log, and says what does not fit. */
import { SingleBar } from 'cli-progress'
import { type AuditHead, formatHead, parseHead } from '../regional/platform/audit-chain.ts'
import { type AuditVerdict, verifyAudit } from '../regional/platform/audit-verify.ts'
import { REQUEST_WAITS } from '../regional/platform/connections.ts'
import { codeOf, Database } from '../regional/platform/database.ts'
import { createLog } from '../regional/platform/log.ts'
import { optionsOf } from './support/arguments.ts'
import { readDevState } from './support/state.ts'

const HELP = `Usage: DATABASE_URL=postgres://… npm run audit:verify [-- --head N:HASH] [--json]

Reads the audit log and its chain, as any role that may select, and finds rows that were changed, removed, reordered
or put in later. Exits 0 only when everything fits. Without DATABASE_URL it reads that of the running \`npm run dev\`.

  --head N:HASH  a head that was kept elsewhere, such as a cell logs: the chain must still hold it. Without one a log
                 whose end was cut off, or that was rewritten with its whole chain, looks right
  --json         prints {sealed, unsealed, head, faults, faultsFound} in JSON, last
  --help         this text`

const values = optionsOf(HELP, {
  head: { type: 'string' },
  json: { type: 'boolean', default: false },
})

/** Counting the rows without a seal reads the whole log in one statement. */
const STATEMENT_MS_MAX = 1_800_000
const FAULTS_SHOWN_MAX = 20

async function main(): Promise<void> {
  const kept = keptOf(values.head)
  const bar = values.json ? null : new Bar()
  const db = open(process.env.DATABASE_URL ?? readDevState()?.databaseUrl)
  try {
    const onProgress = (checked: number, of: number) => bar?.show(checked, of)
    const verdict = await verifyAudit(db, { kept, onProgress }).catch((cause: unknown) => {
      const reason = codeOf(cause) ?? 'no answer'
      throw new Error(`The audit log cannot be read (${reason}): check DATABASE_URL`, { cause })
    })
    bar?.stop()
    if (values.json) console.log(JSON.stringify(verdict))
    else for (const line of linesOf(verdict)) console.log(line)
    process.exitCode = verdict.faultsFound === 0 ? 0 : 1
  } finally {
    bar?.stop()
    await db.close()
  }
}

function keptOf(text: string | undefined): AuditHead | undefined {
  if (text === undefined) return undefined
  const head = parseHead(text)
  if (head === null) throw new Error('--head is a number and a hash, such as 42:6b86…')
  return head
}

function open(url: string | undefined): Database {
  if (!url) throw new Error('Set DATABASE_URL to the database to read.')
  return new Database(
    {
      url,
      neonProxy: process.env.NEON_WS_PROXY,
      poolMax: 1,
      waitingMax: 0,
      waitMsMax: 1,
      waits: { ...REQUEST_WAITS, statementMsMax: STATEMENT_MS_MAX },
    },
    createLog({ level: 'silent', cell: 'audit' }),
  )
}

function linesOf({ sealed, unsealed, head, faults, faultsFound }: AuditVerdict): string[] {
  const found = faults
    .slice(0, FAULTS_SHOWN_MAX)
    .map(({ n, auditId, kind }) => `✗ ${kind.padEnd(10)} seal ${n ?? '-'}  row ${auditId ?? '-'}`)
  const more = faultsFound - found.length
  return [
    ...found,
    ...(more > 0 ? [`  and ${more} more`] : []),
    `${sealed} rows sealed, ${unsealed} not sealed yet.`,
    head === null ? 'There is no head yet.' : `The head, to be kept elsewhere: ${formatHead(head)}`,
    faultsFound === 0 ? 'The audit log is whole.' : 'The audit log is NOT whole.',
  ]
}

/** On a terminal; elsewhere the lines at the end are enough. */
class Bar {
  #bar: SingleBar | null = null

  show(checked: number, of: number): void {
    if (!process.stdout.isTTY) return
    if (this.#bar === null) {
      const format = '{bar} {percentage} % | {value} of {total} | {eta_formatted} left'
      const characters = { barCompleteChar: '█', barIncompleteChar: '░' }
      this.#bar = new SingleBar({ format, hideCursor: true, ...characters })
      this.#bar.start(of, 0)
    }
    this.#bar.update(checked)
  }

  stop(): void {
    this.#bar?.stop()
    this.#bar = null
  }
}

await main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
