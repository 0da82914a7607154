/** Writers and readers, all at once, until the run is over. */
import { setTimeout as delay } from 'node:timers/promises'
import { Client, type Gift } from './client.ts'
import type { Edge, Edges } from './edges.ts'
import type { Random } from './random.ts'
import type { RunState } from './run-state.ts'
import { LIST_PAGES, PAGES, type Page, PRODUCT_PAGES } from './shop.ts'
import type { Write } from './writes.ts'

export interface Load {
  readonly writers: number
  /** Readers that carry their position from edge to edge. */
  readonly carriers: number
  /** Readers without a position. */
  readonly strangers: number
  /** A writer rests so long at most between two writes. */
  readonly writerRestMsMax: number
  readonly readerRestMsMax: number
  /** How many pages of what it changed a writer reads back. */
  readonly readBacks: number
}

export const ORDINARY_LOAD: Load = {
  writers: 3,
  carriers: 5,
  strangers: 4,
  writerRestMsMax: 40,
  readerRestMsMax: 4,
  readBacks: 2,
}

/**
 * For so long, in turn, an edge is visited by no reader with a position: nothing but time makes it follow the feed, and
 * the bound on its age is put to the test.
 */
const QUIET_MS = 3_500
/** A refused reader comes back after a while, as it is told to. */
const REFUSED_REST_MS = 50
/** Positions that writers leave for others to take. */
const GIFTS_MAX = 32

export class Workload {
  readonly #state: RunState
  readonly #edges: Edges
  readonly #load: Load
  readonly #gifts: Gift[] = []

  constructor(state: RunState, edges: Edges, load: Load) {
    this.#state = state
    this.#edges = edges
    this.#load = load
  }

  /** Ends when the run is over and every write has been answered. */
  async run(): Promise<void> {
    const { writers, carriers, strangers } = this.#load
    await Promise.all([
      ...times(writers, (index) => this.#write(`writer ${index}`)),
      ...times(carriers, (index) => this.#read(`carrier ${index}`, true)),
      ...times(strangers, (index) => this.#read(`stranger ${index}`, false)),
    ])
  }

  async #write(name: string): Promise<void> {
    const random = this.#state.random.fork()
    const client = new Client(this.#state, { name, random, carries: true })
    while (!this.#state.isOver) {
      await this.#state.write(async () => {
        const write = this.#state.writes.choose(random)
        if (write === null) return
        const gift = await client.write(write, () => random.pick(this.#edges.all))
        this.#state.writes.done(write)
        this.#leave(gift)
        await this.#readBack(client, write, random)
      })
      await delay(random.below(this.#load.writerRestMsMax + 1))
    }
  }

  async #readBack(client: Client, write: Write, random: Random): Promise<void> {
    const affected = PAGES.filter(({ things }) => things.some((each) => write.states.has(each)))
    for (let read = 0; read < this.#load.readBacks && !this.#state.isOver; read += 1) {
      await client.read(random.pick(affected), this.#edgeFor(true, random))
    }
  }

  async #read(name: string, carries: boolean): Promise<void> {
    const random = this.#state.random.fork()
    const client = new Client(this.#state, { name, random, carries })
    while (!this.#state.isOver) {
      if (carries && random.chance(0.1)) this.#take(client, random)
      const wasAnswered = await client.read(pageFor(random), this.#edgeFor(carries, random))
      await delay(wasAnswered ? random.below(this.#load.readerRestMsMax + 1) : REFUSED_REST_MS)
    }
  }

  #edgeFor(carries: boolean, random: Random): Edge {
    const { all } = this.#edges
    const quiet = Math.floor(performance.now() / QUIET_MS) % all.length
    return random.pick(carries ? all.filter((_, index) => index !== quiet) : all)
  }

  #leave(gift: Gift): void {
    this.#gifts.push(gift)
    if (this.#gifts.length > GIFTS_MAX) this.#gifts.shift()
  }

  #take(client: Client, random: Random): void {
    if (this.#gifts.length > 0) client.take(random.pick(this.#gifts))
  }
}

/** Some pages are read far more than others. */
function pageFor(random: Random): Page {
  if (random.chance(0.4)) return random.pick(LIST_PAGES)
  const hot = PRODUCT_PAGES.length * random.next() ** 2
  return PRODUCT_PAGES[Math.floor(hot)]!
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
