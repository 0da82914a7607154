/**
 * A virtual queue: when callers that were refused may come back. Each is given the slot after the one given before, as
 * far apart as one can be served, so that a crowd that does as it is told arrives at the rate of what it waits for.
 * Slots are promises and nothing more: one that passes unused costs nobody anything.
 */

export class RetrySlots {
  readonly #waitMsMax: number
  #nextAt = 0

  /** @param waitMsMax nobody is told to wait longer, even if then more come than can be served. */
  constructor(options: { waitMsMax: number }) {
    this.#waitMsMax = options.waitMsMax
  }

  /**
   * The next free slot.
   *
   * @param slot.freeAt when those who were admitted will have been served, in milliseconds since the epoch.
   * @param slot.costMs what serving one takes of all that serve.
   * @returns how long to wait for it, in whole seconds, at least one.
   */
  give(slot: { now: number; freeAt: number; costMs: number }): number {
    const latest = slot.now + this.#waitMsMax
    const at = Math.min(Math.max(this.#nextAt, slot.freeAt, slot.now), latest)
    this.#nextAt = at + slot.costMs
    return Math.max(1, Math.ceil((at - slot.now) / 1_000))
  }
}
