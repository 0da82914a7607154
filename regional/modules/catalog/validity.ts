/** When a rendered row is shown, and for how long an answer made of it may be kept: by Postgres's clock alone. */

import { type SQL, sql } from 'drizzle-orm'
import { momentText } from '../../platform/statement.ts'

/** Whether the row of this alias is of the phase that is now. */
export function isShownNow(alias: SQL): SQL {
  return sql`${alias}.valid_from <= now() and ${alias}.valid_until > now()`
}

/** Whole seconds up to an instant; null when that never comes: to subtract infinity is an error before Postgres 17. */
export function secondsUntil(instant: SQL): SQL {
  return sql`floor(extract(epoch from nullif(${instant}, 'infinity') - now()))::bigint`
}

/** An instant as the contracts write it, or as Postgres writes infinity; it sorts by time. */
export function instantText(instant: SQL): SQL {
  return sql`case when isfinite(${instant})
    then ${momentText(instant)}
    else ${instant}::text end`
}
