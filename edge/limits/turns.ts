/**
 * Step 4, for what takes a cell long because a password is hashed: so much of it at once. Whoever comes beyond is told here
 * when to come back, so that a crowd costs its cell no more than those whom it can serve, and the edge a short answer each.
 *
 * The cell has a queue of its own, for all of its edges. This one only keeps a crowd at one isolate away from it.
 */
import type { EndpointFacts } from '../../shared/contracts/facts.ts'
import type { WaitUntil } from '../../shared/freshness/follower.ts'
import { HEADERS } from '../../shared/headers.ts'
import { LIMIT_POLICIES } from '../../shared/limits/policies.ts'
import { RetrySlots } from '../../shared/limits/retry-slots.ts'
import { Problem } from '../../shared/problems.ts'

/** Nobody is let through who would be expected to wait longer than this. */
const WAIT_MS_MAX = 2_000
/** Believed of one turn until the cell has said what it takes. */
const TURN_MS_GUESS = 25
const RETRY_AFTER_MS_MAX = 600_000
/** Longer than a forward may take: a turn whose end was not seen is over by then. */
const UNDER_WAY_MS_MAX = 30_000

/** The lines of one isolate: one for each contract that hashes, of each cell. */
export class Turns {
  readonly #lines = new Map<string, Line>()

  /** The turn of one request; `null` for what need not wait for one. */
  of({ id, limit }: EndpointFacts, cell: string): Turn | null {
    if (limit === undefined || !LIMIT_POLICIES[limit.policy].hashes) return null
    const key = `${cell} ${id}`
    const known = this.#lines.get(key)
    if (known !== undefined) return new Turn(known)
    const line = new Line()
    this.#lines.set(key, line)
    return new Turn(line)
  }
}

class Line {
  readonly #slots = new RetrySlots({ waitMsMax: RETRY_AFTER_MS_MAX })
  /** When each began. */
  readonly #underWay = new Map<Turn, number>()
  #turnMs = TURN_MS_GUESS

  /** @throws {Problem} `cell.overloaded`. */
  assertRoom(nowMs: number): void {
    if (this.#waitMs() < WAIT_MS_MAX) return
    this.#forgetLost(nowMs)
    const waitMs = this.#waitMs()
    if (waitMs < WAIT_MS_MAX) return
    const slot = { now: nowMs, freeAt: nowMs + waitMs, costMs: this.#turnMs }
    throw new Problem('cell.overloaded', { retryAfterSeconds: this.#slots.give(slot) })
  }

  add(turn: Turn, nowMs: number): void {
    this.#underWay.set(turn, nowMs)
  }

  remove(turn: Turn): void {
    this.#underWay.delete(turn)
  }

  learn(turnMs: number): void {
    this.#turnMs = Math.min(Math.max(turnMs, 1), WAIT_MS_MAX)
  }

  #waitMs(): number {
    return this.#underWay.size * this.#turnMs
  }

  #forgetLost(nowMs: number): void {
    for (const [turn, beganAtMs] of this.#underWay) {
      if (Math.abs(nowMs - beganAtMs) > UNDER_WAY_MS_MAX) this.#underWay.delete(turn)
    }
  }
}

export class Turn {
  readonly #line: Line

  constructor(line: Line) {
    this.#line = line
  }

  /**
   * Asked before the body is read, whose sender may take long.
   *
   * @throws {Problem} `cell.overloaded`, with the second at which to come back.
   */
  assertRoom(nowMs: number): void {
    this.#line.assertRoom(nowMs)
  }

  /** @throws {Problem} `cell.overloaded`, likewise. */
  begin(nowMs: number): void {
    this.#line.assertRoom(nowMs)
    this.#line.add(this, nowMs)
  }

  /** Ends with the cell's answer, whether or not anybody still waits for it. */
  async endWith(answer: Promise<Response>, wait: WaitUntil): Promise<Response> {
    const ended = answer.finally(() => this.#line.remove(this))
    wait(ended.catch(() => {}))
    const response = await ended
    const turnMs = Number(response.headers.get(HEADERS.turn) ?? Number.NaN)
    if (turnMs > 0) this.#line.learn(turnMs)
    response.headers.delete(HEADERS.turn)
    return response
  }
}
