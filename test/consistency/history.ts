/**
 * What was true when. Each thing of the shop has a succession of states; a change of state happened at some moment
 * between the sending of its write and the answer to it.
 *
 * Moments are milliseconds of one clock of one process. The history knows nothing of the protocol that it judges:
 * neither numbers nor positions.
 */

/** A stretch of time in which a thing may have been in one state, at its widest. */
export interface Truth<State> {
  readonly state: State
  /** It did not begin before this moment. */
  readonly sentMs: number
  /** It had begun by this moment; infinite while the write that makes it so is not answered. */
  ackedMs: number
}

/** A change that is under way. */
export interface Change {
  readonly sentMs: number
  /** For each thing changed, the place of its new state in its succession. */
  readonly indexes: ReadonlyMap<string, number>
}

/** A state that fits what was shown, and when it can have been the true one. */
export interface Candidate {
  readonly index: number
  readonly fromMs: number
  /** Certainly over from here on; infinite for the newest state, and while the next one is not certain. */
  readonly untilMs: number
}

export class History<State> {
  readonly #truths = new Map<string, Truth<State>[]>()

  /** The first state of a thing, true since before anybody looked. */
  open(thing: string, state: State): void {
    this.#truths.set(thing, [{ state, sentMs: Number.NEGATIVE_INFINITY, ackedMs: 0 }])
  }

  get things(): readonly string[] {
    return [...this.#truths.keys()]
  }

  /** The newest state, whether or not its write has been answered. */
  newest(thing: string): State {
    return this.#of(thing).at(-1)!.state
  }

  /** The place of the newest state in its succession. */
  newestIndex(thing: string): number {
    return this.#of(thing).length - 1
  }

  /** A write of these states is about to be sent. No thing may have two writes under way. */
  begin(states: ReadonlyMap<string, State>, sentMs: number): Change {
    const indexes = new Map<string, number>()
    for (const [thing, state] of states) {
      const truths = this.#of(thing)
      if (truths.at(-1)!.ackedMs === Number.POSITIVE_INFINITY) {
        throw new Error(`${thing} has a write under way`)
      }
      truths.push({ state, sentMs, ackedMs: Number.POSITIVE_INFINITY })
      indexes.set(thing, truths.length - 1)
    }
    return { sentMs, indexes }
  }

  /** The write was answered, so what it made was true by now. */
  acknowledge(change: Change, ackedMs: number): void {
    for (const [thing, index] of change.indexes) this.#of(thing)[index]!.ackedMs = ackedMs
  }

  /**
   * What fits, newest first.
   *
   * @param sinceMs what was over before is left out, once something newer fits.
   * @param byMs what began later is left out: nobody can have seen it.
   */
  candidates(
    thing: string,
    fits: (state: State) => boolean,
    within: { sinceMs: number; byMs: number },
  ): Candidate[] {
    const truths = this.#of(thing)
    const found: Candidate[] = []
    for (let index = truths.length - 1; index >= 0; index -= 1) {
      const { state, sentMs } = truths[index]!
      const untilMs = truths[index + 1]?.ackedMs ?? Number.POSITIVE_INFINITY
      if (untilMs < within.sinceMs && found.length > 0) break
      if (sentMs <= within.byMs && fits(state)) found.push({ index, fromMs: sentMs, untilMs })
    }
    return found
  }

  #of(thing: string): Truth<State>[] {
    const truths = this.#truths.get(thing)
    if (truths === undefined) throw new Error(`nothing is known of ${thing}`)
    return truths
  }
}
