/** The position a client carries from answer to request. */
import { formatPosition, type Position, parsePosition } from '../freshness/position.ts'

/** The greatest position of one history; a new history replaces it, because its numbers count something else. */
export class PositionMemory {
  #position: Position | null

  constructor(earlier: string | undefined) {
    this.#position = parsePosition(earlier, 'catalogue')
  }

  get value(): string | null {
    return this.#position && formatPosition('catalogue', this.#position)
  }

  learn(header: string | null): void {
    const seen = parsePosition(header, 'catalogue')
    if (seen === null) return
    const known = this.#position
    if (known === null || known.history !== seen.history || known.n < seen.n) this.#position = seen
  }
}
