/** Money: an integer of minor units with its ISO 4217 currency. */

/** The currencies Tradewind knows, with their minor-unit digits (ISO 4217). */
export const CURRENCY_DIGITS = {
  AUD: 2,
  CAD: 2,
  CHF: 2,
  CLF: 4,
  CLP: 0,
  CZK: 2,
  DKK: 2,
  EUR: 2,
  GBP: 2,
  HUF: 2,
  JPY: 0,
  KWD: 3,
  NOK: 2,
  NZD: 2,
  PLN: 2,
  SEK: 2,
  USD: 2,
} as const

export type Currency = keyof typeof CURRENCY_DIGITS

export const CURRENCIES = Object.keys(CURRENCY_DIGITS) as [Currency, ...Currency[]]

/** The largest amount we handle: far above any order, far below 2^53, so sums stay exact. */
export const AMOUNT_MINOR_MAX = 100_000_000_000

export interface Money {
  amountMinor: number
  currency: Currency
}

export function isCurrency(value: unknown): value is Currency {
  return typeof value === 'string' && Object.hasOwn(CURRENCY_DIGITS, value)
}

/**
 * The tax in, or on top of, an amount, rounded half away from zero to a minor unit.
 *
 * @param basisPoints the rate in hundredths of a percent: 1900 is 19 %.
 */
export function taxOf(
  amountMinor: number,
  options: { basisPoints: number; included: boolean },
): number {
  const { basisPoints, included } = options
  const divisor = included ? 10_000 + basisPoints : 10_000
  // BigInt, because amount × basis points may pass 2^53.
  const numerator = BigInt(amountMinor) * BigInt(basisPoints)
  const half = BigInt(Math.trunc(divisor / 2))
  return Number((numerator + half) / BigInt(divisor))
}
