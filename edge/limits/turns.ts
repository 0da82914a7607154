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
const WAIT_MS_MAX = 1_000
/** Believed of one turn until the cell has said what it takes. */
const TURN_MS_GUESS = 25
const RETRY_AFTER_MS_MAX = 600_000
/** Longer than a forward may take: a turn whose end was not seen is over by then. */
const UNDER_WAY_MS_MAX = 30_000

/** The lines of one isolate: one for each contract that hashes, of each cell. */
export class Turns {
  readonly #lines = new Map<string, Line>()
  readonly #guestsCell: string
  /** The line that refused a guest last. */
  #crowded: Line | null = null

  /** @param guestsCell where a request goes that neither a token nor an id places. */
  constructor(guestsCell: string) {
    this.#guestsCell = guestsCell
  }

  /** The turn of one request; `null` for what need not wait for one. */
  of(facts: EndpointFacts, cell: string): Turn | null {
    if (facts.limit === undefined || !LIMIT_POLICIES[facts.limit.policy].hashes) return null
    const key = `${cell} ${facts.id}`
    let line = this.#lines.get(key)
    if (line === undefined) {
      line = new Line(facts, (full) => {
        if (cell === this.#guestsCell) this.#crowded = full
      })
      this.#lines.set(key, line)
    }
    return new Turn(line)
  }

  /**
   * The refusal of a guest's request that has no room, by its address alone: it is what most of a crowd get, and takes the
   * isolate's time from all others. `null` for any other request.
   */
  refusalOf(request: Request, now: () => number): TurnedAway | null {
    const line = this.#crowded
    if (line === null || !line.isAddressOf(request)) return null
    if (request.headers.get('authorization') !== null) return null
    const problem = line.refusal(now())
    if (problem === null) this.#crowded = null
    return problem && { contract: line.contract, problem }
  }
}

export interface TurnedAway {
  readonly contract: string
  readonly problem: Problem
}

class Line {
  readonly contract: string
  readonly #method: string
  readonly #path: string
  readonly #onFull: (line: Line) => void
  readonly #slots = new RetrySlots({ waitMsMax: RETRY_AFTER_MS_MAX })
  /** When each began. */
  readonly #underWay = new Map<Turn, number>()
  #turnMs = TURN_MS_GUESS

  constructor({ id, method, path }: EndpointFacts, onFull: (line: Line) => void) {
    this.contract = id
    this.#method = method.toUpperCase()
    this.#path = path
    this.#onFull = onFull
  }

  isAddressOf({ method, url }: Request): boolean {
    if (method !== this.#method || !url.endsWith(this.#path)) return false
    return url.indexOf('/', url.indexOf('//') + 2) === url.length - this.#path.length
  }

  /** `null` while there is room. */
  refusal(nowMs: number): Problem | null {
    if (this.#waitMs() < WAIT_MS_MAX) return null
    this.#forgetLost(nowMs)
    const waitMs = this.#waitMs()
    if (waitMs < WAIT_MS_MAX) return null
    this.#onFull(this)
    const slot = { now: nowMs, freeAt: nowMs + waitMs, costMs: this.#turnMs }
    return new Problem('cell.overloaded', { retryAfterSeconds: this.#slots.give(slot) })
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
    const refusal = this.#line.refusal(nowMs)
    if (refusal !== null) throw refusal
  }

  /** @throws {Problem} `cell.overloaded`, likewise. */
  begin(nowMs: number): void {
    this.assertRoom(nowMs)
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
