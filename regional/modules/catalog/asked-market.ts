/** Which market and locale a localised read is answered for, decided inside its own statement. */
import { type SQL, sql } from 'drizzle-orm'
import type { Position } from '../../../shared/freshness/position.ts'
import { invalidField, Problem } from '../../../shared/problems.ts'
import type { StampRow } from '../../platform/feed.ts'
import type { Snapshot } from '../../platform/implement.ts'
import { value } from '../../platform/statement.ts'
import { strongEtag } from './render.ts'
import { tags } from './tags.ts'

/** What a reader named, what the edge suggests for those who named nothing, and whose prices are theirs. */
export interface Asked {
  query: { market?: string | undefined; locale?: string | undefined }
  market: string | null
  locale: string | null
  group: string | null
}

/** As parameters of the statement: empty text where nothing is known. */
export interface AskedValues extends Record<string, unknown> {
  market: string
  locale: string
  group: string
}

export function askedValues({ query, market, locale, group }: Asked): AskedValues {
  return {
    market: query.market ?? market ?? '',
    locale: query.locale ?? locale ?? '',
    group: group ?? '',
  }
}

/**
 * `asked.market`, `asked.locale` and `asked.default_locale`: the market and locale named, or the
 * nearest there is. All are null when there is no market at all.
 */
export const joinAsked: SQL = sql`
  cross join (select ${value('market')}::text as market, ${value('locale')}::text as locale) wish
  left join lateral (
    select market.id as market, market.locales[1] as default_locale,
      case when wish.locale = any(market.locales) then wish.locale
        when split_part(wish.locale, '-', 1) = any(market.locales)
          then split_part(wish.locale, '-', 1)
        else market.locales[1] end as locale
    from market where market.id = wish.market or market.is_default
    order by market.id = wish.market desc limit 1
  ) asked on true`

export interface AskedRow extends StampRow {
  market: string | null
  locale: string | null
}

/**
 * What was named and is not what the statement found. Suggestions of the edge may miss without
 * harm.
 */
export function unknownMarketOf(row: AskedRow, { query }: Asked): Problem | null {
  if (row.market === null) return new Problem('market.unknown')
  if (query.market !== undefined && query.market !== row.market) {
    return invalidField('query', '/market', 'is not a market', 'market.unknown')
  }
  if (query.locale !== undefined && query.locale !== row.locale) {
    return invalidField('query', '/locale', `${row.market} does not speak it`, 'locale.unknown')
  }
  return null
}

/** An answer that a schedule bounds is kept no longer than this, however far away its boundary is. */
const LIFE_SECONDS_MAX = 31_536_000

/** An answer of localised content; every one of them is built from the markets too. */
export function snapshotOf(
  row: AskedRow,
  content: { tags: readonly string[]; lifeSeconds?: number | null } & (
    | { body: string; etag?: string }
    | { problem: Problem }
  ),
): Snapshot {
  const stamp: Position = { n: row.n, history: row.history }
  const all = [...content.tags, tags.markets]
  if ('problem' in content) return { stamp, tags: all, problem: content.problem }
  const { body, etag = strongEtag(body), lifeSeconds = null } = content
  if (lifeSeconds === null) return { stamp, tags: all, body, etag }
  return { stamp, tags: all, body, etag, lifeSeconds: Math.min(lifeSeconds, LIFE_SECONDS_MAX) }
}
