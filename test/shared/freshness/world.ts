/**
 * The model's world: a shop, edges in two colos, and clients that move between the edges, under a clock of its own.
 *
 * `Rules` are the protocol's. With all of them kept no client may find a violation; a test that breaks one expects
 * violations to be found, which shows that the model can see them.
 */
import {
  CachedReads,
  type ColoTier,
  type Fetched,
  type Origin,
  type Served,
} from '../../../shared/freshness/cached-reads.ts'
import type { Entry } from '../../../shared/freshness/entry.ts'
import { type Batch, FEED_STALE_MS_MAX } from '../../../shared/freshness/feed.ts'
import { FeedFollower, type FeedSource } from '../../../shared/freshness/follower.ts'
import { Knowledge } from '../../../shared/freshness/knowledge.ts'
import { MemoryTier } from '../../../shared/freshness/memory-tier.ts'
import type { Position } from '../../../shared/freshness/position.ts'
import { entryOf, textOf } from './cell-model.ts'
import { background } from './feed-model.ts'
import { type Item, KEYS, Shop } from './shop.ts'

export interface Rules {
  knowledge: () => Knowledge
  reads: (parts: ReadsParts) => CachedReads
  /** How long the isolates of a colo share one answer of the feed, and how old they must take it to be. */
  sharedLifeMs: number
  sharedAgeMs: (tookMs: number) => number
  /** A poll that a position forces goes past the shared copy. */
  forcedPastShared: boolean
  /** The stamp is read by the statement that reads the document. */
  stampInStatement: boolean
  /** A change is numbered under the lock that is held until its commit. */
  numbersAtCommit: boolean
  /** A tier answers with no less than the minimum. */
  minimumKept: boolean
}

type ReadsParts = ConstructorParameters<typeof CachedReads>[0]

export const PROTOCOL: Rules = {
  knowledge: () => new Knowledge(),
  reads: (parts) => new CachedReads(parts),
  sharedLifeMs: 1_000,
  sharedAgeMs: (tookMs) => tookMs + 1_000,
  forcedPastShared: true,
  stampInStatement: true,
  numbersAtCommit: true,
  minimumKept: true,
}

export type Step =
  | { do: 'read'; client: number; edge: number; key: string }
  | { do: 'write'; client: number; item: Item; kind: 'revise' | 'toggle' }
  | { do: 'evict'; edge: number; key: string; tier: 'memory' | 'colo' }
  | { do: 'restart edge'; edge: number }
  | { do: 'restart cell'; lost: number }
  | { do: 'break cell'; forMs: number }
  | { do: 'lag'; changes: number }

/** Which colo each edge stands in. */
const EDGES = ['fra', 'fra', 'gru']
/** Clients; the last presents no position, and is promised only the bounded age. */
export const CLIENTS = 4
/** A read that was cut off on its way never ends; its client gives up. */
const PATIENCE_MS = 60_000

interface Edge {
  readonly colo: string
  readonly memory: MemoryTier
  readonly reads: CachedReads
}

interface Client {
  position: Position | null
  /** The newest moment of the shop that it has seen or made. */
  seen: number
  busy: Promise<void>
}

interface ColoState {
  readonly entries: Map<string, Entry>
  feed: { batch: Batch; storedAtMs: number; tookMs: number } | null
}

export class World {
  readonly violations: string[] = []
  /** Answers by where they came from, to see that a run did what it is for. */
  readonly served: Record<string, number> = {}
  readonly shop: Shop
  readonly #rules: Rules
  readonly #legs: readonly number[]
  readonly #colos = new Map<string, ColoState>()
  readonly #edges: Edge[]
  readonly #clients: Client[]
  #leg = 0
  #lag = 0
  #brokenUntilMs = 0

  /** @param legs how long each crossing of the network takes, in turn; an infinite one is cut off. */
  constructor(rules: Rules, legs: readonly number[]) {
    this.#rules = rules
    this.#legs = legs
    this.shop = new Shop(now)
    this.#edges = EDGES.map((colo) => this.#startEdge(colo))
    this.#clients = Array.from({ length: CLIENTS }, () => {
      return { position: null, seen: 0, busy: Promise.resolve() }
    })
  }

  /** Begins a step. A client does one thing after another; different clients do theirs at the same time. */
  begin(step: Step): void {
    if (step.do === 'read' || step.do === 'write') {
      const client = this.#clients[step.client]!
      const act = () => (step.do === 'read' ? this.#read(client, step) : this.#write(client, step))
      client.busy = client.busy.then(act)
    } else if (step.do === 'evict') {
      const { colo, memory } = this.#edges[step.edge]!
      if (step.tier === 'memory') memory.delete(step.key)
      else this.#colo(colo).entries.delete(step.key)
    } else if (step.do === 'restart edge') {
      this.#edges[step.edge] = this.#startEdge(EDGES[step.edge]!)
    } else if (step.do === 'restart cell') this.shop.restart(step.lost)
    else if (step.do === 'break cell') this.#brokenUntilMs = now() + step.forMs
    else this.#lag = step.changes
  }

  /** Reads everything at every edge without a position: nothing may be behind any more. */
  async converge(): Promise<void> {
    for (const [index, { reads }] of this.#edges.entries()) {
      for (const key of KEYS) {
        const served = await reads.read(requestOf(key, null, this.#origin), background)
        const shown = served.kind === 'entry' ? textOf(served.entry) : served.kind
        const { text } = this.shop.answerNow(key)
        if (shown !== text) this.#violated(`edge ${index} still shows ${shown} in place of ${text}`)
      }
    }
  }

  async #read(client: Client, { edge, key }: Extract<Step, { do: 'read' }>): Promise<void> {
    const { reads } = this.#edges[edge]!
    const request = requestOf(key, client.position, this.#origin)
    const arrivedMs = now()
    const answering = reads.fromMemory(request, background) ?? reads.read(request, background)
    const served = await Promise.race([answering, after(PATIENCE_MS).then(() => null)])
    const label = served?.kind === 'entry' ? served.from : (served?.kind ?? 'nothing')
    this.served[label] = (this.served[label] ?? 0) + 1
    if (served?.kind === 'entry') this.#check(client, { edge, key, arrivedMs }, served)
  }

  #check(
    client: Client,
    read: { edge: number; key: string; arrivedMs: number },
    served: Extract<Served, { kind: 'entry' }>,
  ): void {
    const { edge, key, arrivedMs } = read
    const text = textOf(served.entry)
    const notBeforeMs = served.from === 'stale' ? 0 : arrivedMs - FEED_STALE_MS_MAX
    const since = this.shop.trueSince(key, text, { seen: client.seen, notBeforeMs })
    if (since === null) {
      this.#violated(`at ${now()} ms edge ${edge} shows ${text} from ${served.from}`)
      return
    }
    if (this.#isPositionless(client)) return
    client.seen = Math.max(client.seen, since)
    client.position = newer(client.position, served.position)
  }

  async #write(client: Client, { item, kind }: Extract<Step, { do: 'write' }>): Promise<void> {
    await this.#cross()
    if (this.#isBroken) return
    const numbered = this.#rules.numbersAtCommit ? null : this.shop.handOutNumber()
    const { history } = this.shop
    await this.#cross()
    if (this.#isBroken || this.shop.history !== history) return
    const position = this.shop.commit(item, kind, numbered)
    const { moment } = this.shop
    await this.#cross()
    if (this.#isPositionless(client)) return
    client.seen = Math.max(client.seen, moment)
    client.position = newer(client.position, position)
  }

  #isPositionless(client: Client): boolean {
    return client === this.#clients.at(-1)
  }

  get #isBroken(): boolean {
    return now() < this.#brokenUntilMs
  }

  #violated(what: string): void {
    this.violations.push(what)
  }

  /** One crossing of the network. */
  async #cross(): Promise<void> {
    const ms = this.#legs[this.#leg % this.#legs.length]!
    this.#leg += 1
    if (ms === Number.POSITIVE_INFINITY) await new Promise(() => undefined)
    await after(ms)
  }

  #startEdge(colo: string): Edge {
    const memory = new MemoryTier()
    const source = this.#sourceOf(this.#colo(colo))
    const follower = new FeedFollower({ source, now, knowledge: this.#rules.knowledge() })
    const tier = this.#tierOf(this.#colo(colo))
    return { colo, memory, reads: this.#rules.reads({ follower, memory, colo: tier, now }) }
  }

  #colo(name: string): ColoState {
    const known = this.#colos.get(name) ?? { entries: new Map(), feed: null }
    this.#colos.set(name, known)
    return known
  }

  get #origin(): Origin {
    return {
      fetch: async ({ key, minimum, stale }): Promise<Fetched> => {
        await this.#cross()
        if (this.#isBroken) throw new Error('the cell is down')
        const { stampInStatement, minimumKept } = this.#rules
        const read = { minimum: minimumKept ? minimum : null, lag: this.#lag }
        const { answer, stamp } = this.shop.read(key, read)
        await this.#cross()
        const { n, history } = stampInStatement ? stamp : this.shop.clock
        const entry = entryOf(answer, { stamp: n, history })
        const isRenewal = entry.etag !== null && stale?.etag === entry.etag
        const { tags } = answer
        return isRenewal
          ? {
              kind: 'entry',
              entry: { ...stale, tags, history, stamp: n },
              renewed: true,
              shielded: false,
            }
          : { kind: 'entry', entry, renewed: false, shielded: false }
      },
    }
  }

  #sourceOf(colo: ColoState): FeedSource {
    const { sharedLifeMs, sharedAgeMs, forcedPastShared } = this.#rules
    const ask = async (from: number | null): Promise<Batch> => {
      await this.#cross()
      if (this.#isBroken) throw new Error('the cell is down')
      const batch = this.shop.batchAfter(from)
      await this.#cross()
      return batch
    }
    const shared = async (known: number | null) => {
      if (colo.feed !== null && now() - colo.feed.storedAtMs <= sharedLifeMs) {
        return { batch: colo.feed.batch, ageMs: sharedAgeMs(colo.feed.tookMs) }
      }
      const askedAtMs = now()
      const batch = await ask(known)
      const tookMs = now() - askedAtMs
      colo.feed = { batch, storedAtMs: now(), tookMs }
      return { batch, ageMs: tookMs }
    }
    const direct = async (from: number | null) =>
      forcedPastShared ? await ask(from) : (await shared(from)).batch
    return { shared, direct }
  }

  #tierOf({ entries }: ColoState): ColoTier {
    return {
      get: async (key) => {
        await after(1)
        const stored = entries.get(key)
        return stored === undefined ? null : { ...stored }
      },
      set: async (key, entry) => {
        const stored = { ...entry }
        await after(2)
        entries.set(key, stored)
      },
    }
  }
}

/** The client's rule: within a history the greater, across histories the one that came last. */
function newer(known: Position | null, given: Position): Position {
  return known !== null && known.history === given.history && known.n > given.n ? known : given
}

function requestOf(key: string, position: Position | null, origin: Origin) {
  return { key, position, origin, staleIfErrorSeconds: 3_600 }
}

function now(): number {
  return Date.now()
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
