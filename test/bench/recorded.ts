/** What a piece of work sent to the database: its statements, and which of them shared a transaction. */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface SentStatement {
  readonly text: string
  readonly values: unknown[]
}

/** Several statements between BEGIN and COMMIT, or one alone. */
export interface SentGroup {
  readonly isTransaction: boolean
  readonly statements: SentStatement[]
}

export type Recording = SentGroup[]

/** Tells works that run at the same time apart. */
export class Recorder {
  readonly #current = new AsyncLocalStorage<SentStatement[]>()

  /** For a `Database` to call with everything it sends. */
  readonly onStatement = (text: string, values: unknown[]): void => {
    this.#current.getStore()?.push({ text, values })
  }

  async record(work: () => Promise<void>): Promise<Recording> {
    const sent: SentStatement[] = []
    await this.#current.run(sent, work)
    return grouped(sent)
  }
}

/** Each statement is a round trip, and so are BEGIN and COMMIT. */
export function roundTripsOf(recording: Recording): number {
  return recording.reduce(
    (sum, { isTransaction, statements }) => sum + statements.length + (isTransaction ? 2 : 0),
    0,
  )
}

/** @throws {Error} for a transaction that was rolled back: what is replayed must be what is paid for. */
export function grouped(sent: readonly SentStatement[]): Recording {
  const groups: SentGroup[] = []
  let open: SentStatement[] | null = null
  for (const statement of sent) {
    const text = statement.text.toLowerCase()
    if (text === 'begin') open = []
    else if (text === 'commit' && open !== null) {
      groups.push({ isTransaction: true, statements: open })
      open = null
    } else if (open !== null) open.push(statement)
    else groups.push({ isTransaction: false, statements: [statement] })
    if (text === 'rollback') throw new Error('a recorded transaction was rolled back')
  }
  if (open !== null) throw new Error('a recorded transaction did not end')
  return groups
}
