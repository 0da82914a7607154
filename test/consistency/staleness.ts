/** How long what readers were shown had been over, as a distribution: "so many nines within so many milliseconds". */

/** Shares of the reads, from two nines to five. */
const NINES = [2, 3, 4, 5] as const

export interface Staleness {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** `99.99 %` of the reads showed nothing that had been over for longer than `withinMs`. */
export interface Nines {
  readonly nines: number
  readonly withinMs: number
}

export class StalenessSamples {
  readonly #samplesMs: number[] = []
  #sorted: Float64Array | null = null

  /** @param ms 0 for what was current when the read began. */
  add(ms: number): void {
    this.#samplesMs.push(ms)
    this.#sorted = null
  }

  addAll(other: StalenessSamples): void {
    for (const ms of other.#samplesMs) this.add(ms)
  }

  get count(): number {
    return this.#samplesMs.length
  }

  get summary(): Staleness {
    return { p50Ms: this.#within(0.5), p99Ms: this.#within(0.99), maxMs: this.#within(1) }
  }

  /** As many nines as the number of samples can tell apart from all of them. */
  get nines(): Nines[] {
    return NINES.filter((nines) => this.count >= 10 ** nines).map((nines) => {
      return { nines, withinMs: this.#within(1 - 10 ** -nines) }
    })
  }

  /** By nearest rank; 0 when there is no sample. */
  #within(share: number): number {
    this.#sorted ??= Float64Array.from(this.#samplesMs).sort()
    const rank = Math.ceil(share * this.count - 1e-9)
    return Math.round((this.#sorted[Math.max(0, rank - 1)] ?? 0) * 10) / 10
  }
}

/** `99.99 % (4 nines) within 612 ms`. */
export function ninesText({ nines, withinMs }: Nines): string {
  const share = (100 * (1 - 10 ** -nines)).toFixed(Math.max(0, nines - 2))
  return `${share} % (${nines} nines) within ${withinMs} ms`
}
