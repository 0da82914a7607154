/** Named prepared statements: SQL written once, planned once a connection. */
import { type SQL, sql } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'

const dialect = new PgDialect()

export interface Statement<Values, Row> {
  readonly name: string
  readonly text: string
  readonly params: readonly unknown[]
  /** Only types; a statement holds no rows. */
  readonly _types?: { values: Values; row: Row }
}

/**
 * Declares a statement. Parameters are written `${value('name')}` and named again when it runs.
 *
 * @param name unique in the process; Postgres keeps the plan under it.
 */
export function statement<Values extends Record<string, unknown>, Row>(
  name: string,
  query: SQL,
): Statement<Values, Row> {
  const built = dialect.sqlToQuery(query)
  return { name, text: built.sql, params: built.params }
}

/** A moment as the contracts write it (RFC 3339), to the millisecond. */
export function momentText(moment: SQL): SQL {
  return sql`to_char(${moment} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
}

/** A named parameter of a statement. */
export function value(name: string): SQL {
  return sql`${sql.placeholder(name)}`
}
