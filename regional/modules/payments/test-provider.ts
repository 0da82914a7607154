/**
 * The built-in provider: it moves no money. It stands for a vendor, so it keeps a book of its own and writes it outside
 * our transactions, and it can lose its answer as a vendor can.
 */
import { sql } from 'drizzle-orm'
import type { Runner } from '../../platform/database.ts'
import type { Services } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { type Charge, type PaymentOutcome, type PaymentProvider, rejectionOf } from './provider.ts'

interface Entry extends Record<string, unknown> {
  key: string
  amountMinor: number
  currency: string
  outcome: PaymentOutcome
}

const insertEntry = statement<Entry, { outcome: PaymentOutcome }>(
  'test_provider_charge',
  sql`insert into test_provider_charge (key, amount_minor, currency, outcome)
    values (${value('key')}, ${value('amountMinor')}, ${value('currency')}, ${value('outcome')})
    on conflict (key) do nothing
    returning outcome`,
)

const selectEntry = statement<{ key: string }, { outcome: PaymentOutcome }>(
  'test_provider_lookup',
  sql`select outcome from test_provider_charge where key = ${value('key')}`,
)

/** What the book's tombstone of a cancelled charge says it was for. */
const NOTHING = { amountMinor: 0, currency: 'XXX' }

export class TestProvider implements PaymentProvider {
  readonly name = 'test'
  readonly #book: Runner

  constructor({ db }: Pick<Services, 'db'>) {
    this.#book = db
  }

  async charge(charge: Charge, signal: AbortSignal): Promise<PaymentOutcome> {
    const { key, amountMinor, currency, method } = charge
    if (method === 'test_timeout_uncharged') return await rejectionOf(signal)
    const outcome = method === 'test_decline' ? 'declined' : 'captured'
    const entered = await this.#enter({ key, amountMinor, currency, outcome })
    return method === 'test_timeout' ? await rejectionOf(signal) : entered
  }

  async lookup(key: string): Promise<PaymentOutcome | null> {
    const [entry] = await this.#book.run(selectEntry, { key })
    return entry?.outcome ?? null
  }

  async cancel(key: string): Promise<PaymentOutcome> {
    return await this.#enter({ key, ...NOTHING, outcome: 'cancelled' })
  }

  /** The first entry under a key stands; a later one is told how the first ended. */
  async #enter(entry: Entry): Promise<PaymentOutcome> {
    const [entered] = await this.#book.run(insertEntry, entry)
    const [stands] = entered ? [entered] : await this.#book.run(selectEntry, { key: entry.key })
    return stands!.outcome
  }
}
