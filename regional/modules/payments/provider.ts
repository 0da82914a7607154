/** The port to whoever moves the money. A provider is never called inside a transaction. */
import type { Currency } from '../../../shared/money.ts'

export type PaymentOutcome = 'captured' | 'declined' | 'cancelled'

export interface Charge {
  /** The payment's id: a provider charges once a key, however often it is asked. */
  readonly key: string
  readonly amountMinor: number
  readonly currency: Currency
  readonly method: string
}

export interface PaymentProvider {
  readonly name: string
  /**
   * Charges once, and says how it ended.
   *
   * @throws when the answer did not arrive: the charge may have happened or not, and only `lookup` knows.
   */
  charge(charge: Charge, signal: AbortSignal): Promise<PaymentOutcome>
  /** How a charge ended; `null` when none is known under the key, though one may still be on its way. */
  lookup(key: string, signal: AbortSignal): Promise<PaymentOutcome | null>
  /**
   * Ends a charge that is not known: from here on none under this key can succeed.
   *
   * @returns how it ended, which is not `cancelled` when a charge came first.
   */
  cancel(key: string, signal: AbortSignal): Promise<PaymentOutcome>
}

/**
 * Waits for a provider's answer, but not longer than it may take.
 *
 * @param timeoutMs after which the answer counts as lost, whether or not the provider heeds the signal.
 * @throws what the provider threw, or the signal's `TimeoutError`.
 */
export async function withinTime<T>(
  timeoutMs: number,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs)
  return await Promise.race([ask(signal), rejectionOf(signal)])
}

/** Rejects when the signal aborts, and never before. */
export function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
