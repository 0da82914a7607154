/** Entries in an isolate's memory, bounded in bytes; the one not used for longest goes first. */
import { bytesOf, type Entry } from './entry.ts'

export const MEMORY_BYTES_MAX = 32 * 1_048_576
/** A larger entry would push out too many others. */
const ENTRY_BYTES_MAX = MEMORY_BYTES_MAX / 16

export class MemoryTier {
  readonly #bytesMax: number
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  constructor(bytesMax = MEMORY_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry
  }

  /** Keeps an entry, unless what is there is of the same history and newer. */
  set(key: string, entry: Entry): void {
    const present = this.#entries.get(key)
    if (present !== undefined) {
      if (present.history === entry.history && present.stamp > entry.stamp) return
      this.delete(key)
    }
    const bytes = bytesOf(entry)
    if (bytes > ENTRY_BYTES_MAX) return
    this.#entries.set(key, entry)
    this.#bytes += bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) break
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= bytesOf(entry)
  }
}
