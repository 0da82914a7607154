/**
 * The choice of a price, over time: pure, from a product's base prices and the lists that name them.
 *
 * The price of a variant in a currency, for a group, at a time, is that of the list that applies
 * then with the greatest priority, and of equal ones the lowest amount; where none applies, the base
 * price. A list applies to everybody or to its group, from its start until its end. What has no base
 * price in a currency is not sold in it, whatever lists say, so no schedule makes a product come or go.
 *
 * `listedAmount` says the same in SQL.
 */
import { type SQL, sql } from 'drizzle-orm'
import type { Currency } from '../../../shared/money.ts'

/** What one list says of one product. */
export interface ProductPriceList {
  /** `null` for everybody. */
  customerGroup: string | null
  priority: number
  /** As an instant in text; `null` when it applies already. */
  startsAt: string | null
  /** `null` when it never ends. */
  endsAt: string | null
  /** By SKU. */
  prices: Record<string, Partial<Record<Currency, number>>>
}

/** Prices that stay the same from one instant up to another. Instants are text that sorts by time. */
export interface PricePhase {
  validFrom: string
  validUntil: string
  /** Minor units by SKU: what is sold, and for how much. */
  amounts: ReadonlyMap<string, number>
}

/** The phases of the prices that one group sees, or everybody (`''`), without a gap. */
export interface PriceView {
  customerGroup: string
  phases: PricePhase[]
}

/** Before and after every instant, as Postgres writes it. */
export const SINCE_EVER = '-infinity'
export const FOR_EVER = 'infinity'

/**
 * What everybody sees of a product's prices in a currency, and what each group sees to whom that is
 * not the same. From now on: a list that has begun is one that always applied.
 */
export function priceViews(
  base: ReadonlyMap<string, number>,
  lists: readonly ProductPriceList[],
  currency: Currency,
): PriceView[] {
  const naming = lists.filter(({ prices }) =>
    Object.entries(prices).some(
      ([sku, amounts]) => base.has(sku) && amounts[currency] !== undefined,
    ),
  )
  const phasesOf = (group: string) => phasesFor(base, offeredTo(naming, group), currency)
  const everybody = { customerGroup: '', phases: phasesOf('') }
  const groups = [...new Set(naming.flatMap(({ customerGroup }) => customerGroup ?? []))].sort()
  const own = groups
    .map((customerGroup) => ({ customerGroup, phases: phasesOf(customerGroup) }))
    .filter(({ phases }) => !isSame(phases, everybody.phases))
  return [everybody, ...own]
}

function offeredTo(lists: readonly ProductPriceList[], group: string): ProductPriceList[] {
  return lists
    .filter(({ customerGroup }) => customerGroup === null || customerGroup === group)
    .toSorted((one, other) => other.priority - one.priority)
}

/** @param lists in the order of their say. */
function phasesFor(
  base: ReadonlyMap<string, number>,
  lists: readonly ProductPriceList[],
  currency: Currency,
): PricePhase[] {
  const boundaries = [
    ...new Set(lists.flatMap(({ startsAt, endsAt }) => [startsAt ?? [], endsAt ?? []].flat())),
  ].sort()
  const phases: PricePhase[] = []
  for (const [index, validFrom] of [SINCE_EVER, ...boundaries].entries()) {
    const validUntil = boundaries[index] ?? FOR_EVER
    const applying = lists.filter((list) => isApplying(list, validFrom))
    const amounts = new Map(
      [...base].map(([sku, amount]) => [sku, listedIn(applying, sku, currency) ?? amount]),
    )
    const last = phases.at(-1)
    // A boundary that moves no price here is none.
    if (last !== undefined && isSameAmounts(last.amounts, amounts)) last.validUntil = validUntil
    else phases.push({ validFrom, validUntil, amounts })
  }
  return phases
}

/** Whether a list applies from this boundary on, up to the next. */
function isApplying({ startsAt, endsAt }: ProductPriceList, from: string): boolean {
  if (from === SINCE_EVER) return startsAt === null
  return (startsAt === null || startsAt <= from) && (endsAt === null || from < endsAt)
}

function listedIn(
  applying: readonly ProductPriceList[],
  sku: string,
  currency: Currency,
): number | undefined {
  let best: { priority: number; amount: number } | undefined
  for (const { priority, prices } of applying) {
    const amount = Object.hasOwn(prices, sku) ? prices[sku]![currency] : undefined
    if (amount === undefined) continue
    if (best !== undefined && best.priority > priority) break
    if (best === undefined || amount < best.amount) best = { priority, amount }
  }
  return best?.amount
}

function isSame(one: readonly PricePhase[], other: readonly PricePhase[]): boolean {
  return (
    one.length === other.length &&
    one.every((phase, index) => {
      const { validUntil, amounts } = other[index]!
      return phase.validUntil === validUntil && isSameAmounts(phase.amounts, amounts)
    })
  )
}

function isSameAmounts(
  one: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
): boolean {
  return [...one].every(([sku, amount]) => other.get(sku) === amount)
}

/**
 * The amount that a list names now, or null. Arguments are SQL expressions.
 *
 * Now is when the statement began: a transaction may have waited for a lock since it did.
 */
export function listedAmount(of: { variantId: SQL; currency: SQL; group: SQL }): SQL {
  return sql`(
    select listed.amount_minor
    from price_list_price listed join price_list list on list.id = listed.list_id
    where listed.variant_id = ${of.variantId} and listed.currency = ${of.currency}
      and (list.customer_group is null or list.customer_group = ${of.group})
      and (list.starts_at is null or list.starts_at <= statement_timestamp())
      and (list.ends_at is null or list.ends_at > statement_timestamp())
    order by list.priority desc, listed.amount_minor limit 1
  )`
}
