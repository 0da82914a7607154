/**
 * Entries in memory, bounded in bytes, that a scan cannot push out.
 *
 * S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023): what is new waits in a small queue
 * and only what is asked for again moves to the main one, so that a crawler or a random walk passes through the small
 * queue. A hit sets a counter and moves nothing. Negative answers have a queue of their own, so that handles nobody has
 * cannot push out what somebody sells.
 */
import { bytesOf, type Entry } from './entry.ts'

export const MEMORY_BYTES_MAX = 32 * 1_048_576
/** The shares of all bytes that new entries and negative answers may take. */
const SMALL_SHARE = 1 / 10
const NEGATIVE_SHARE = 1 / 16
/** A larger entry would push out too many others. */
const ENTRY_SHARE_MAX = 1 / 16
/** An entry of the main queue is passed over so often before it goes. */
const USES_MAX = 3
/** Keys remembered of entries that left the small queue: one that comes back goes straight to the main one. */
const GHOSTS_MAX = 10_000

interface Slot {
  readonly key: string
  entry: Entry
  bytes: number
  uses: number
  queue: Queue
}

/** Slots in the order they came in, which is the order of a `Map`. */
class Queue {
  readonly slots = new Map<string, Slot>()
  bytes = 0

  push(slot: Slot): void {
    slot.queue = this
    this.slots.set(slot.key, slot)
    this.bytes += slot.bytes
  }

  remove(slot: Slot): void {
    this.slots.delete(slot.key)
    this.bytes -= slot.bytes
  }

  oldest(): Slot | undefined {
    for (const slot of this.slots.values()) return slot
    return undefined
  }
}

export class MemoryTier {
  readonly #bytesMax: number
  readonly #slots = new Map<string, Slot>()
  readonly #small = new Queue()
  readonly #main = new Queue()
  readonly #negative = new Queue()
  /** Hashes of keys: two keys with one hash only cost a wrong guess. */
  readonly #ghosts = new Set<number>()

  constructor(bytesMax = MEMORY_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#small.bytes + this.#main.bytes + this.#negative.bytes
  }

  get size(): number {
    return this.#slots.size
  }

  get(key: string): Entry | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    if (slot.uses < USES_MAX) slot.uses += 1
    return slot.entry
  }

  /** Keeps an entry, unless what is there is of the same history and newer. */
  set(key: string, entry: Entry): void {
    const present = this.#slots.get(key)
    if (present !== undefined) {
      const { history, stamp } = present.entry
      if (history === entry.history && stamp > entry.stamp) return
    }
    const bytes = bytesOf(entry) + 2 * key.length
    if (present !== undefined && isNegative(present.entry) === isNegative(entry)) {
      this.#replace(present, entry, bytes)
    } else {
      if (present !== undefined) this.#remove(present)
      this.#insert({ key, entry, bytes, uses: 0, queue: this.#queueFor(key, entry) })
    }
    this.#shrink()
  }

  delete(key: string): void {
    const slot = this.#slots.get(key)
    if (slot !== undefined) this.#remove(slot)
  }

  #insert(slot: Slot): void {
    if (slot.bytes > this.#bytesMax * ENTRY_SHARE_MAX) return
    slot.queue.push(slot)
    this.#slots.set(slot.key, slot)
  }

  /** What was renewed keeps its place and its uses. */
  #replace(slot: Slot, entry: Entry, bytes: number): void {
    if (bytes > this.#bytesMax * ENTRY_SHARE_MAX) {
      this.#remove(slot)
      return
    }
    slot.queue.bytes += bytes - slot.bytes
    slot.entry = entry
    slot.bytes = bytes
  }

  #remove(slot: Slot): void {
    slot.queue.remove(slot)
    this.#slots.delete(slot.key)
  }

  #queueFor(key: string, entry: Entry): Queue {
    if (isNegative(entry)) return this.#negative
    return this.#ghosts.delete(hashOf(key)) ? this.#main : this.#small
  }

  #shrink(): void {
    const negativeMax = this.#bytesMax * NEGATIVE_SHARE
    while (this.#negative.bytes > negativeMax) this.#passOrRemove(this.#negative)
    const bytesMax = this.#bytesMax - negativeMax
    while (this.#small.bytes + this.#main.bytes > bytesMax) {
      if (this.#small.bytes > bytesMax * SMALL_SHARE) this.#leaveSmall()
      else this.#passOrRemove(this.#main)
    }
  }

  #leaveSmall(): void {
    const slot = this.#small.oldest()!
    if (slot.uses > 0) {
      this.#small.remove(slot)
      slot.uses = 0
      this.#main.push(slot)
      return
    }
    this.#remove(slot)
    this.#ghosts.add(hashOf(slot.key))
    if (this.#ghosts.size > GHOSTS_MAX) {
      const [oldest] = this.#ghosts
      this.#ghosts.delete(oldest!)
    }
  }

  /** Removes a queue's oldest, or sends it to the end for one of its uses. */
  #passOrRemove(queue: Queue): void {
    const slot = queue.oldest()!
    if (slot.uses === 0) {
      this.#remove(slot)
      return
    }
    slot.uses -= 1
    queue.remove(slot)
    queue.push(slot)
  }
}

function isNegative({ status }: Entry): boolean {
  return status === 404
}

function hashOf(key: string): number {
  let hash = 0
  for (let at = 0; at < key.length; at += 1) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0
  return hash
}
