/** A database that stops its process at a named point, so that it can be killed there. */
import { Database, type Tx } from '../../regional/platform/database.ts'
import type { Statement } from '../../regional/platform/statement.ts'

/** Called at every point; a promise that does not resolve halts the process there. */
export type Reach = (point: string) => Promise<void>

/** Points are `before NAME` and `after NAME` of each statement, and `committed NAME` of each in a transaction. */
export class HaltingDatabase extends Database {
  readonly #reach: Reach

  constructor(reach: Reach, ...options: ConstructorParameters<typeof Database>) {
    super(...options)
    this.#reach = reach
  }

  override async run<Values extends Record<string, unknown>, Row>(
    statement: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    return await this.#announced(statement, () => super.run(statement, values))
  }

  override async inTransaction<T>(work: (tx: Tx) => Promise<T>, contract: string | null = null) {
    const names: string[] = []
    const announcing = (tx: Tx): Tx => ({
      ...tx,
      run: (statement, values) => {
        names.push(statement.name)
        return this.#announced(statement, () => tx.run(statement, values))
      },
    })
    const committed = await super.inTransaction((tx) => work(announcing(tx)), contract)
    for (const name of names) await this.#reach(`committed ${name}`)
    return committed
  }

  async #announced<T>({ name }: { name: string }, run: () => Promise<T>): Promise<T> {
    await this.#reach(`before ${name}`)
    const rows = await run()
    await this.#reach(`after ${name}`)
    return rows
  }
}
