/** Two sides measured in turns, and the row that says how they compare. */

/** What one side did in one turn. */
export interface Sample {
  readonly perSecond: number
  readonly p99Ms: number
}

/** How long to measure. The first turn of each side warms it up and is not counted. */
export interface Plan {
  readonly turns: number
  readonly secondsPerTurn: number
  /** How many sign in at once. */
  readonly people: number
}

/** The two sides of one row, ready to be measured. */
export interface Contest {
  /** @param turn counts from 0, the warm-up. */
  floor(turn: number): Promise<Sample>
  ours(turn: number): Promise<Sample>
  /** What else is worth printing, such as round trips. */
  readonly notes: Readonly<Record<string, number>>
  /** Looks at what the turns left behind; throws when the two sides did not do the same. */
  verify?(): Promise<void>
  close(): Promise<void>
}

export interface Row {
  readonly name: string
  /** Requests per second, the median of the turns. */
  readonly floor: number
  readonly ours: number
  /** Medians of the turns' own ratios, ours to the floor's: a machine that slows down slows both of a turn. */
  readonly ratio: number
  readonly p99Ratio: number
  readonly bar: number
  /** The most that `p99Ratio` may be; `null` where it is held to nothing. */
  readonly p99Bar: number | null
  readonly ok: boolean
  readonly notes: Readonly<Record<string, number>>
}

export interface Turn {
  readonly floor: Sample
  readonly ours: Sample
}

/** Floor, ours, floor, ours …: each turn is compared with its own neighbour. */
export async function takeTurns(contest: Contest, { turns }: Plan): Promise<Turn[]> {
  const taken: Turn[] = []
  for (let turn = 0; turn <= turns; turn += 1) {
    const floor = await contest.floor(turn)
    const ours = await contest.ours(turn)
    if (turn > 0) taken.push({ floor, ours })
  }
  await contest.verify?.()
  return taken
}

export function rowOf(
  spec: { name: string; bar: number; p99Bar?: number },
  turns: readonly Turn[],
  notes: Row['notes'] = {},
): Row {
  // Judged as they are printed.
  const ratio = rounded(median(turns.map(({ floor, ours }) => ours.perSecond / floor.perSecond)))
  const p99Ratio = rounded(median(turns.map(({ floor, ours }) => ours.p99Ms / floor.p99Ms)))
  return {
    name: spec.name,
    floor: Math.round(median(turns.map((turn) => turn.floor.perSecond))),
    ours: Math.round(median(turns.map((turn) => turn.ours.perSecond))),
    ratio,
    p99Ratio,
    bar: spec.bar,
    p99Bar: spec.p99Bar ?? null,
    ok: ratio >= spec.bar && p99Ratio <= (spec.p99Bar ?? Number.POSITIVE_INFINITY),
    notes,
  }
}

/** @throws {Error} when there is nothing to take it of. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('there is no median of nothing')
  const sorted = values.toSorted((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The value that so many of a hundred do not exceed, by nearest rank. */
export function percentile(values: Float64Array, hundredths: number): number {
  if (values.length === 0) throw new Error('there is no percentile of nothing')
  const sorted = values.toSorted()
  return sorted[Math.max(0, Math.ceil((hundredths / 100) * sorted.length) - 1)]!
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
