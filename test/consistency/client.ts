/** Those who read and write through the edges: each carries a position, or none, and moves from edge to edge. */
import { setTimeout as delay } from 'node:timers/promises'
import { parsePosition } from '../../shared/freshness/position.ts'
import { HEADERS } from '../../shared/headers.ts'
import { Reader } from './checker.ts'
import type { Edge } from './edges.ts'
import type { Change } from './history.ts'
import type { Random } from './random.ts'
import type { RunState } from './run-state.ts'
import type { Page } from './shop.ts'
import type { Write } from './writes.ts'

/** Longer than anything in an edge or a cell may take: a read that is cut off proves nothing. */
const READ_MS_MAX = 30_000
/** A write that is not answered is sent again, as its client would. */
const WRITE_RETRY_MS = 100
const WRITE_MS_MAX = 45_000

/** What one client may hand to another: a position, and what it covers. */
export interface Gift {
  readonly position: string
  readonly change: Change
}

export class Client {
  readonly #state: RunState
  readonly #random: Random
  readonly #name: string
  /** `null` for one that never presents a position. */
  readonly #reader: Reader | null
  #position: string | null = null

  constructor(state: RunState, options: { name: string; random: Random; carries: boolean }) {
    this.#state = state
    this.#random = options.random
    this.#name = options.name
    this.#reader = options.carries ? new Reader() : null
  }

  /** Takes a position from another, and with it the promise that what it covers is shown. */
  take({ position, change }: Gift): void {
    this.#remember(position)
    // A position that gave way to one of a later history promises nothing any more.
    if (this.#position !== null && !isOlder(this.#state, position, this.#position)) {
      this.#reader?.learn(change)
    }
  }

  /** Reads a page at an edge and has the answer judged. False when it was refused. */
  async read(page: Page, edge: Edge): Promise<boolean> {
    const { counts, checker } = this.#state
    const position = this.#reader === null ? null : this.#position
    const inQuery = position !== null && this.#random.chance(0.2)
    const path = inQuery ? `${page.path}&position=${encodeURIComponent(position)}` : page.path
    const headers: Record<string, string> = { 'cf-connecting-ip': this.#address() }
    if (position !== null && !inQuery) headers[HEADERS.position] = position
    counts.reads += 1
    const beganMs = performance.now()
    const answer = await answerOf(edge, path, { headers }, READ_MS_MAX)
    const endedMs = performance.now()
    if (answer === null || answer.status >= 500 || answer.status === 429) {
      if (answer?.status === 429) counts.limited += 1
      else counts.refused += 1
      return false
    }
    const cacheStatus = answer.headers.get(HEADERS.cacheStatus) ?? ''
    const isStandIn = cacheStatus.includes('fwd=stale') && cacheStatus.includes('hit')
    if (cacheStatus.includes('; hit')) counts.hits += 1
    if (isStandIn) counts.standIns += 1
    const given = answer.headers.get(HEADERS.position)
    if (given === null) throw new Error(`no position with ${answer.status} of ${path}`)
    const { path: key } = page
    const context = { client: this.#name, edge: edge.name, key, position, given, cacheStatus }
    const facts = page.factsOf(answer.status, answer.body)
    checker.check({ facts, beganMs, endedMs, reader: this.#reader, isStandIn, context })
    if (this.#reader !== null) this.#remember(given)
    return true
  }

  /** Sends a write until it is answered, and learns its position. */
  async write(write: Write, edges: () => Edge): Promise<Gift> {
    const { checker, counts } = this.#state
    const headers: Record<string, string> = {
      authorization: `Bearer ${await this.#state.staffToken()}`,
      'cf-connecting-ip': this.#address(),
    }
    const body = write.body === undefined ? undefined : JSON.stringify(write.body)
    if (body !== undefined) headers['content-type'] = 'application/json'
    const init = { method: write.method, headers, ...(body === undefined ? {} : { body }) }
    counts.writes += 1
    const beganMs = performance.now()
    const change = checker.history.begin(write.states, beganMs)
    for (;;) {
      const answer = await answerOf(edges(), write.path, init, WRITE_MS_MAX)
      if (answer?.status === 200) {
        checker.history.acknowledge(change, performance.now())
        assertTaken(answer.body)
        const position = answer.headers.get(HEADERS.position)
        if (position === null) throw new Error(`no position with the answer to ${write.path}`)
        const gift = { position, change }
        this.take(gift)
        return gift
      }
      const isRefused = answer !== null && answer.status < 500
      const isLate = performance.now() - beganMs > WRITE_MS_MAX
      if (isRefused || isLate || this.#state.isAbandoned) {
        throw new Error(`${write.method} ${write.path}: ${answer?.status} ${answer?.body}`)
      }
      counts.repeats += 1
      await delay(WRITE_RETRY_MS)
    }
  }

  /** Positions force polls, and a client may force only so many: here nobody is limited by its address. */
  #address(): string {
    return `198.18.${this.#random.below(256)}.${this.#random.below(256)}`
  }

  /** The client's rule: within a history the greater, and a later history takes the place of an earlier one. */
  #remember(position: string): void {
    const { histories } = this.#state
    const { history } = parsePosition(position, 'catalogue')!
    if (!histories.includes(history)) histories.push(history)
    if (this.#position === null || !isOlder(this.#state, position, this.#position)) {
      this.#position = position
    }
  }
}

/** An import answers rows that it did not take with the rest. */
function assertTaken(body: string): void {
  const { rejected = [] } = JSON.parse(body) as { rejected?: { reason: string }[] }
  if (rejected.length > 0) throw new Error(`an import was refused: ${rejected[0]!.reason}`)
}

function isOlder({ histories }: RunState, one: string, other: string): boolean {
  const left = parsePosition(one, 'catalogue')!
  const right = parsePosition(other, 'catalogue')!
  if (left.history === right.history) return left.n < right.n
  return histories.indexOf(left.history) < histories.indexOf(right.history)
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** `null` when the edge did not answer in time, or not at all. */
async function answerOf(
  edge: Edge,
  path: string,
  init: RequestInit,
  msMax: number,
): Promise<Answer | null> {
  try {
    const response = await edge.fetch(path, { ...init, signal: AbortSignal.timeout(msMax) })
    return { status: response.status, headers: response.headers, body: await response.text() }
  } catch {
    return null
  }
}
